//! The dialect over real HTTP: what goes out, and what is made of the answers.

use serde_json::{Value, json};

use super::conformance::{InIntents, SECRET_KEY};
use super::*;
use crate::domain::clock::Timestamp;
use crate::domain::confirmation::{PaymentSource, ThreeDSecure};
use crate::domain::refund::RefundState;
use crate::domain::snapshot::PaymentStatus;
use crate::upstream::conformance::{ASKED, Dialect as _, Scene, by, by_card, card, method, refund, rejection, usd};
use crate::upstream::scripted::{Scripted, ScriptedStep, answer, environment, nowhere, settings, transport};
use crate::upstream::{PaymentMethodData, Rejection};

/// The only request that was made: method, path and body.
fn asked(scene: &Scene<InIntents>) -> (String, String, Value) {
    let seen = scene.server.seen();
    assert_eq!(seen.len(), 1);
    let body = if seen[0].body.is_empty() { Value::Null } else { seen[0].json() };
    (seen[0].method.to_string(), seen[0].path.clone(), body)
}

fn payment_body(status: &str) -> Value {
    json!({"id": "in_1", "payment_id": "pay_1", "status": status, "amount": 10.50, "currency": "USD",
        "updated_at": "2026-11-23T10:00:00Z"})
}

/// A JSON number, digit for digit.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn every_request_is_signed_and_a_post_carries_its_operation() {
    let scene = Scene::<InIntents>::new([answer(201, payment_body("requires_confirmation"))]).await;
    scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap();
    for (seen, key) in scene.server.seen().iter().zip([scene.operation_id.as_str(), ""]) {
        let secret = SECRET_KEY.into();
        let signed = signature::sign_request(&secret, seen.method.as_str(), &seen.path, &seen.body, 1_700_000_000);
        assert_eq!(seen.header("x-signature"), signed);
        assert_eq!(seen.header("x-timestamp"), "1700000000");
        assert_eq!(seen.header("authorization"), "Bearer ak_0123456789");
        assert_eq!(seen.header("x-api-key"), "ak_0123456789");
        assert_eq!(seen.header("x-client-key"), "ck_0123456789");
        assert_eq!(seen.header("accept"), "application/json");
        assert_eq!(seen.header("idempotency-key"), key);
    }
}

#[tokio::test]
async fn every_attempt_is_signed_anew() {
    let server = Scripted::start([answer(500, ""), answer(200, "[]")]).await;
    let clock = environment().clock;
    let mut corefy = InIntents::corefy(server.url.clone());
    let credentials = Credentials {
        api_key: "a".into(),
        secret_key: SECRET_KEY.into(),
        client_key: "c".into(),
        webhook_secrets: Vec::new(),
    };
    corefy.keys = CredentialHeaders::new(watch::channel(credentials).1, clock.clone()).unwrap();
    let (outcome, ()) = tokio::join!(corefy.supported_payment_methods(None, ASKED), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        clock.advance(std::time::Duration::from_secs(60));
    });
    outcome.unwrap();
    let times: Vec<_> = server.seen().iter().map(|seen| seen.header("x-timestamp").to_owned()).collect();
    assert_eq!(times, ["1700000000", "1700000060"]);
}

#[tokio::test]
async fn an_intent_is_created_with_what_was_given() {
    let scene = Scene::<InIntents>::new([answer(201, payment_body("requires_confirmation"))]).await;
    let snapshot = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(snapshot.status, PaymentStatus::AwaitingConfirmation);
    assert_eq!((snapshot.upstream_id.as_str(), snapshot.amount), ("in_1", Some(usd(1050))));
    assert_eq!(Some(snapshot.version), Timestamp::parse_rfc3339("2026-11-23T10:00:00Z"));
    let body = json!({"amount": number("10.50"), "currency": "USD", "payment_method": "card", "metadata": {"order": "7"},
        "reference_id": scene.intent.id.as_str(), "callback_url": "https://shop.test/back", "customer_id": "cust_1"});
    assert_eq!(asked(&scene), ("POST".to_owned(), "/v1/payment-intents".to_owned(), body));
}

#[tokio::test]
async fn a_card_is_passed_on_with_two_digits_of_month_and_four_of_year() {
    let scene = Scene::<InIntents>::new([answer(200, payment_body("succeeded"))]).await;
    let snapshot = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await.unwrap();
    assert_eq!((snapshot.status, snapshot.received), (PaymentStatus::Paid, 1050));
    let body = json!({"card_number": "4111111111111111", "card_expiry_month": "03", "card_expiry_year": "2031",
        "card_cvv": "987", "card_holder_name": "Jane Doe"});
    assert_eq!(asked(&scene), ("POST".to_owned(), "/v1/payment-intents/in_1/confirm".to_owned(), body));
}

#[tokio::test]
async fn a_saved_method_is_confirmed_by_its_id_with_the_authentication_done_elsewhere() {
    let scene = Scene::<InIntents>::new([answer(200, payment_body("processing"))]).await;
    let secure = ThreeDSecure {
        version: "2.2.0".to_owned(),
        eci: "05".to_owned(),
        cavv: "AAAB".into(),
        xid: String::new(),
        ds_transaction_id: "d0e1".to_owned(),
    };
    let saved = by(PaymentSource::Saved(method(&scene.customer, Some("meth_1"))));
    let confirmation = Confirmation { three_d_secure: Some(secure), ..saved };
    scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &confirmation).await.unwrap();
    let body = json!({"payment_method_id": "meth_1", "three_ds_version": "2.2.0", "three_ds_eci": "05",
        "three_ds_cavv": "AAAB", "three_ds_xid": "d0e1"});
    assert_eq!(asked(&scene).2, body);
}

#[tokio::test]
async fn an_answer_that_proves_nothing_leaves_a_post_open_and_is_not_followed_by_another() {
    let mut other_amount = payment_body("succeeded");
    other_amount["amount"] = json!("10.51");
    let mut other_reference = payment_body("succeeded");
    other_reference["reference_id"] = json!("pi_00000000000000000000000000000000");
    for body in
        [String::new(), "<html>".to_owned(), "[]".to_owned(), other_amount.to_string(), other_reference.to_string()]
    {
        let scene = Scene::<InIntents>::new([answer(200, &body)]).await;
        let outcome = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await;
        assert!(matches!(outcome, Err(Error::Unknown(_))), "{body}: {outcome:?}");
        assert_eq!(scene.server.seen().len(), 1, "{body}");
    }
    let mut other_payment = payment_body("succeeded");
    other_payment["id"] = json!("in_2");
    for step in [answer(200, other_payment), answer(500, ""), answer(429, ""), answer(302, ""), ScriptedStep::BreakOff]
    {
        let scene = Scene::<InIntents>::new([step.clone()]).await;
        let outcome = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
        assert!(matches!(outcome, Err(Error::Unknown(_))), "{step:?}: {outcome:?}");
        assert_eq!(scene.server.seen().len(), 1, "{step:?}");
    }
}

#[tokio::test]
async fn no_refusal_but_corefy_s_own_proves_that_nothing_was_done() {
    let all: Vec<_> = (400..=499).flat_map(|status| refusals::NOT_COREFYS.map(|body| (status, body))).collect();
    // Corefy answers in between, so that the circuit stays closed.
    let script =
        all.iter().flat_map(|(status, body)| [vec![answer(*status, body); 3], vec![answer(200, "[]")]].concat());
    let scene = Scene::<InIntents>::new(script).await;
    let refund = refund(&scene.intent);
    for (status, body) in &all {
        let confirmed = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
        assert!(matches!(confirmed, Err(Error::Unknown(_))), "{status} {body}: {confirmed:?}");
        let refunded = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await;
        assert!(matches!(refunded, Err(Error::Unknown(_))), "{status} {body}: {refunded:?}");
        let recovered = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await;
        assert!(matches!(recovered, Err(Error::Unknown(_))), "{status} {body}: {recovered:?}");
        assert!(scene.corefy.test_connection().await.is_authenticated);
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_our_names_and_without_the_card() {
    let body = json!({"message": "card 4111 1111 1111 1111 is invalid", "error_code": "validation_error",
        "errors": {"card_number": ["invalid number"]}});
    let scene = Scene::<InIntents>::new([answer(422, body)]).await;
    let told = rejection(scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await);
    let expected = Rejection {
        http_status: 422,
        code: "validation_error".to_owned(),
        message: "card **** **** **** 1111 is invalid".to_owned(),
        fields: vec![("card.number".to_owned(), "invalid number".to_owned())],
    };
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_intent_is_recovered_by_repeating_its_creation() {
    let scene = Scene::<InIntents>::new([answer(201, payment_body("requires_confirmation"))]).await;
    let found = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(found.unwrap().upstream_id, "in_1");
    assert_eq!(scene.server.seen()[0].header("idempotency-key"), scene.operation_id.as_str());
}

#[tokio::test]
async fn an_intent_whose_reference_is_taken_is_read() {
    let taken = || answer(409, json!({"message": "", "error_code": "duplicate_reference", "id": "in_1"}));
    let scene = Scene::<InIntents>::new([taken(), answer(200, payment_body("processing"))]).await;
    let found = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(found.unwrap().status, PaymentStatus::Processing);
    let paths: Vec<_> = scene.server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/v1/payment-intents", "/v1/payments/in_1"]);

    // A refused reading says nothing of the creation.
    let scene = Scene::<InIntents>::new([taken(), answer(422, json!({"error_code": "validation_error"}))]).await;
    let outcome = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await;
    assert!(matches!(outcome, Err(Error::Protocol(_))), "{outcome:?}");

    let scene = Scene::<InIntents>::new([taken(), answer(404, json!({"error_code": "not_found"}))]).await;
    assert_eq!(scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await.unwrap(), None);

    let mut foreign = payment_body("processing");
    foreign["reference_id"] = json!("pi_00000000000000000000000000000000");
    let scene = Scene::<InIntents>::new([taken(), answer(200, foreign)]).await;
    let outcome = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await;
    assert!(matches!(outcome, Err(Error::Protocol(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_refusal_that_reads_as_a_decline_is_what_the_payment_shows() {
    let declined = || answer(402, json!({"message": "No.", "error_code": "insufficient_funds"}));
    let confirmed = async |shown: ScriptedStep| {
        let scene = Scene::<InIntents>::new([declined(), shown]).await;
        let outcome = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
        let paths: Vec<_> = scene.server.seen().into_iter().map(|seen| seen.path).collect();
        assert_eq!(paths, ["/v1/payment-intents/in_1/confirm", "/v1/payments/in_1"]);
        outcome
    };
    let failed = confirmed(answer(200, payment_body("failed"))).await.unwrap();
    assert!(matches!(failed.status, PaymentStatus::Failed(_)), "{failed:?}");
    let untouched = confirmed(answer(200, payment_body("requires_confirmation"))).await;
    assert_eq!(rejection(untouched).code, "insufficient_funds");
    for odd in
        [answer(200, payment_body("processing")), answer(404, json!({"error_code": "not_found"})), answer(403, "")]
    {
        let unclear = confirmed(odd.clone()).await;
        assert!(matches!(unclear, Err(Error::Unknown(_))), "{odd:?}: {unclear:?}");
    }
}

#[tokio::test]
async fn a_first_creation_whose_reference_is_taken_has_made_what_has_it() {
    let taken = || answer(409, json!({"message": "", "error_code": "duplicate_reference", "id": "in_1"}));
    let scene = Scene::<InIntents>::new([taken(), answer(200, payment_body("requires_confirmation"))]).await;
    let created = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    assert_eq!((created.upstream_id.as_str(), created.status), ("in_1", PaymentStatus::AwaitingConfirmation));
    let paths: Vec<_> = scene.server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/v1/payment-intents", "/v1/payments/in_1"]);

    let mut foreign = payment_body("processing");
    foreign["reference_id"] = json!("pi_00000000000000000000000000000000");
    let unread = [
        answer(404, json!({"error_code": "not_found"})),
        answer(422, json!({"error_code": "x"})),
        answer(200, foreign),
    ];
    for unread in unread {
        let scene = Scene::<InIntents>::new([taken(), unread.clone()]).await;
        let outcome = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await;
        assert!(matches!(outcome, Err(Error::Unknown(_))), "{unread:?}: {outcome:?}");
    }

    let taken = answer(409, json!({"error_code": "duplicate_reference", "id": "cust_1"}));
    let scene = Scene::<InIntents>::new([taken.clone(), answer(200, json!({"id": "cust_1"}))]).await;
    let created = scene.corefy.customer_create(scene.call(), &scene.customer).await.unwrap();
    assert_eq!(created.upstream_id, "cust_1");
    let scene = Scene::<InIntents>::new([taken, answer(500, "")]).await;
    let outcome = scene.corefy.customer_create(scene.call(), &scene.customer).await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_payment_is_found_with_its_refunds_or_not_at_all() {
    let mut body = payment_body("succeeded");
    body["refunds"] = json!([{"id": "rf_1", "status": "failed", "amount": "2.50", "currency": "USD",
        "reference_id": "re_x", "error": {"code": "AccountClosed", "message": "Closed."}}]);
    let scene = Scene::<InIntents>::new([
        answer(200, body),
        answer(404, json!({"error_code": "not_found"})),
        answer(404, ""),
        answer(403, "<html>Forbidden</html>"),
        answer(403, json!({"error_code": "forbidden"})),
    ])
    .await;
    let found = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
    let refund = &found.refunds.unwrap()[0];
    let failure = refund.failure.clone().unwrap();
    assert_eq!((refund.state, refund.amount), (Some(RefundState::Failed), Some(usd(250))));
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("account_closed", "Closed."));
    assert_eq!(asked(&scene).1, "/v1/payments/in_1");
    assert_eq!(scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap(), None);
    for _ in 0..2 {
        let not_of_corefy = scene.corefy.payment_find(&scene.context(), ASKED).await;
        assert!(matches!(not_of_corefy, Err(Error::Protocol(_))), "{not_of_corefy:?}");
    }
    assert_eq!(rejection(scene.corefy.payment_find(&scene.context(), ASKED).await).http_status, 403);
}

#[tokio::test]
async fn a_refund_always_tells_its_amount() {
    let body = |amount: &str| json!({"id": "rf_1", "status": "pending", "amount": amount, "currency": "USD"});
    let scene = Scene::<InIntents>::new([answer(201, body("2.50")), answer(201, body("10.50"))]).await;
    let refund = refund(&scene.intent);
    let snapshot = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await.unwrap();
    assert_eq!((snapshot.upstream_id.as_str(), snapshot.state), ("rf_1", Some(RefundState::Pending)));
    let expected = json!({"payment_id": "in_1", "amount": number("2.50"), "reference_id": refund.id.as_str()});
    assert_eq!(asked(&scene), ("POST".to_owned(), "/v1/refunds".to_owned(), expected));
    let mismatch = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await;
    assert!(matches!(mismatch, Err(Error::Unknown(_))), "{mismatch:?}");
}

#[tokio::test]
async fn a_customer_is_created_and_recovered() {
    let scene = Scene::<InIntents>::new([
        answer(201, json!({"id": "cust_1"})),
        answer(409, json!({"error_code": "duplicate_reference", "id": "cust_1"})),
        answer(200, json!({"id": "cust_1"})),
    ])
    .await;
    let created = scene.corefy.customer_create(scene.call(), &scene.customer).await.unwrap();
    let expected = json!({"email": "jane@example.com", "name": "Jane Doe", "address_line1": "1 Main St",
        "country": "US", "reference_id": scene.customer.id.as_str()});
    assert_eq!(asked(&scene), ("POST".to_owned(), "/v1/customers".to_owned(), expected));
    let found = scene.corefy.customer_recover(scene.call(), &scene.customer).await.unwrap();
    assert_eq!(found, Some(created));
    assert_eq!(scene.server.seen()[1].path, "/v1/customers/cust_1");
}

#[tokio::test]
async fn a_card_is_saved_without_its_cvv() {
    let body = json!({"id": "meth_1", "customer_id": "cust_1", "type": "card",
        "card": {"brand": "Visa", "first6": "411111", "last4": "1111", "expiry_month": 3, "expiry_year": 2031}});
    let scene = Scene::<InIntents>::new([answer(201, body)]).await;
    let (kept, data) = (method(&scene.customer, None), PaymentMethodData::Card(card(Some("987"))));
    let new = NewPaymentMethod { customer: &scene.customer, method: &kept, data: &data };
    let snapshot = scene.corefy.payment_method_create(scene.call(), new).await.unwrap();
    assert_eq!(snapshot.upstream_id, "meth_1");
    assert_eq!(snapshot.card.unwrap().brand, "visa");
    let expected = json!({"customer_id": "cust_1", "type": "card", "data": {"card_number": "4111111111111111",
        "card_expiry_month": "03", "card_expiry_year": "2031", "card_holder_name": "Jane Doe"}});
    assert_eq!(asked(&scene), ("POST".to_owned(), "/v1/payment-methods".to_owned(), expected));
}

#[tokio::test]
async fn lists_come_bare_or_under_data() {
    let methods = json!([{"id": "meth_1", "type": "card"}]);
    let kinds = json!({"data": [{"type": "card", "name": "Cards", "currencies": ["USD", "???"]}]});
    let scene = Scene::<InIntents>::new([answer(200, methods), answer(200, kinds)]).await;
    assert_eq!(scene.corefy.payment_methods_of(&scene.customer, ASKED).await.unwrap().methods[0].upstream_id, "meth_1");
    assert_eq!(asked(&scene).1, "/v1/customers/cust_1/payment-methods");
    let kinds = scene.corefy.supported_payment_methods(None, ASKED).await.unwrap();
    assert_eq!((kinds[0].kind.as_str(), kinds[0].currencies.as_slice()), ("card", ["USD".to_owned()].as_slice()));
}

#[tokio::test]
async fn a_connection_test_tells_reach_from_authentication_and_is_not_repeated() {
    for (status, is_authenticated) in [(200, true), (401, false), (403, false), (503, false)] {
        let scene = Scene::<InIntents>::new([answer(status, "[]")]).await;
        let connection = scene.corefy.test_connection().await;
        assert!(connection.is_reachable);
        assert_eq!((connection.http_status, connection.is_authenticated), (status, is_authenticated));
        assert!(!connection.latency.is_zero());
        assert_eq!(scene.server.seen().len(), 1);
    }
    let connection = InIntents::corefy(nowhere()).test_connection().await;
    assert_eq!((connection.is_reachable, connection.is_authenticated, connection.http_status), (false, false, 0));
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
    let credentials = Credentials {
        api_key: "secret\nkey".into(),
        secret_key: SECRET_KEY.into(),
        client_key: "c".into(),
        webhook_secrets: Vec::new(),
    };
    let refused = Intents::new(transport(settings(nowhere())), watch::channel(credentials).1, environment().clock);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("API key") && !error.contains("secret"), "{error}");
}

#[test]
fn a_webhook_s_signature_is_checked_with_the_webhook_secret() {
    let corefy = InIntents::corefy(nowhere());
    let body = br#"{"event_id":"evt_1","event_type":"payment.succeeded"}"#;
    let signature = "ad17cc4ac333fc8214670949273d0ceea7bf4d5a9759c3b520c0489872d48428";
    assert_eq!(corefy.webhook_signature_header(), "x-signature");
    assert!(corefy.webhook_verify(Some(signature), body).is_ok());
    assert!(corefy.webhook_verify(Some(signature), b"{}").is_err());
}
