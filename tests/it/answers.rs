//! Answers in other forms than the contract's, and answers of something between the gateway and Corefy.

use std::time::Duration;

use axum::http::Method;
use corefy_gateway::{
    pb::{self, ApiCallOutcome, PaymentIntentState as State, RefundState},
    sandbox::faults::Fault,
};
use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    between::Between,
    client::{APPROVED, Client, new_customer, reason, redirect},
    database::TestDatabase,
    money::{CONFIRM, CREATE, READ, REFUND, last_error},
    refusal::refused,
    requests::card_to_save,
};

crate::on_both!(
    a_refusal_that_is_not_corefy_s_never_ends_an_attempt,
    a_refusal_that_is_not_corefy_s_never_ends_a_refund,
    a_refusal_that_is_not_corefy_s_never_ends_a_creation,
    a_page_of_something_on_the_way_is_told_as_such,
    a_decline_ends_an_attempt_whatever_its_amount_and_reason_look_like,
    what_was_paid_is_paid_in_whatever_form_it_is_told,
    a_refund_is_known_in_whatever_form_it_is_told,
    an_object_is_known_by_its_id_alone,
    an_object_with_a_taken_reference_is_adopted_without_a_message,
    a_payer_is_sent_to_a_long_address,
    an_address_that_is_dropped_is_told_in_the_timeline,
    a_kind_of_payment_method_is_offered_for_the_currencies_it_names,
    a_list_of_saved_methods_that_lacks_one_proves_nothing,
    a_wrong_amount_that_does_not_stay_alerts_nobody,
    a_wrong_amount_that_stays_alerts_once,
);

const DECLINED: &str = "4000000000009995";
const CHALLENGE: &str = "4000000000003220";
/// The answer of a firewall.
const PAGE: &str = "<html><body>Request blocked</body></html>";
const SUPPORTED: &str = "/v1/payment-methods/supported";

/// A gateway with something between it and Corefy.
async fn start(database: TestDatabase) -> (TestApp, Client, Between) {
    let between = Between::start().await;
    let app = TestApp::start_with(database, None, |config| between.stand_in(config)).await;
    // Nothing is to be found out but by the answers.
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    (app, client, between)
}

async fn timeline(app: &TestApp, client: &Client, id: &str) -> String {
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
    let request = pb::GetTimelineRequest { id: id.to_owned(), page_size: 100, ..Default::default() };
    let entries = client.get_timeline(request).await.unwrap().into_inner().entries;
    entries.into_iter().map(|entry| entry.sentence + "\n").collect()
}

async fn metric(app: &TestApp, series: &str) -> bool {
    let page = reqwest::get(app.http("/metrics")).await.unwrap().text().await.unwrap();
    page.lines().any(|line| line.strip_prefix(series).is_some_and(|value| value.trim() != "0"))
}

async fn a_refusal_that_is_not_corefy_s_never_ends_an_attempt(database: TestDatabase) {
    let bodies =
        ["", PAGE, "{}", "null", r#"{"error": "busy"}"#, r#"{"message": "Forbidden"}"#, r#"{"error_code": 1020}"#];
    let (app, client, between) = start(database).await;
    for status in 400..=499 {
        let id = client.intent("10.00").await.id;
        between.answer(Method::POST, "/confirm", status, bodies[usize::from(status) % bodies.len()]);
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing, "{status}");
        let again = client.confirm(&id, APPROVED).await;
        assert!(again.map_or_else(|error| reason(&error), |_| String::new()).contains("ATTEMPT_IN_DOUBT"), "{status}");
        app.recover_after(Duration::from_secs(2)).await;
        assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded, "{status}");
    }
    assert_eq!(app.sent(CONFIRM), 100, "each was sent once");
}

async fn a_refusal_that_is_not_corefy_s_never_ends_a_refund(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    for (status, body) in [(499, ""), (403, PAGE), (400, "{}"), (404, r#"{"message": "no route"}"#)] {
        let paid = client.paid_intent("10.00").await;
        between.answer(Method::POST, "/refunds", status, body);
        let refund = client.refund(&paid.payment_id, "4.00").await.unwrap();
        assert_eq!((refund.state(), refund.upstream_id.as_str()), (RefundState::Pending, ""), "{status}");
        app.recover_after(Duration::from_secs(2)).await;
        assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00", "{status}");
    }
    assert_eq!(app.sent(REFUND), 4, "each was sent once");
}

async fn a_refusal_that_is_not_corefy_s_never_ends_a_creation(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    let customer = client.customer("jane@example.com").await;
    between.change(|method, _, _| (method == Method::POST).then(|| (403, PAGE.into())));
    let intent = client.intent("10.00").await;
    let created = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    let saved = client.create_payment_method(card_to_save(&customer)).await.unwrap().into_inner();
    let method = saved.payment_method.unwrap();
    assert!([&intent.upstream_id, &created.upstream_id, &method.upstream_id].into_iter().all(String::is_empty));
    // Recovery repeats the creation in doubt, and the same firewall refuses that: it proves nothing either.
    app.recover_after(Duration::from_secs(2)).await;
    between.step_back();
    app.recover_after(Duration::from_secs(3)).await;
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
    let request = pb::GetCustomerRequest { id: created.id };
    assert_ne!(client.get_customer(request).await.unwrap().into_inner().customer.unwrap().upstream_id, "");
    let request = pb::GetPaymentMethodRequest { id: method.id };
    assert_ne!(client.get_payment_method(request).await.unwrap().into_inner().payment_method.unwrap().upstream_id, "");
}

async fn a_page_of_something_on_the_way_is_told_as_such(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    let id = client.intent("10.00").await.id;
    between.change(|_, _, _| Some((403, PAGE.into())));
    let refusal =
        refused(client.list_supported_payment_methods(pb::ListSupportedPaymentMethodsRequest::default()).await);
    assert_eq!(refusal.reason, "UPSTREAM_UNREADABLE");
    assert!(refusal.message.contains("HTTP 403 from something between the gateway and Corefy"), "{refusal:?}");
    let found = client.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner();
    assert_eq!((found.authenticated, found.http_status), (false, 403));
    assert!(found.message.contains("something between the gateway and Corefy"), "{}", found.message);
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing);
    let told = timeline(&app, &client, &id).await;
    assert!(told.contains("HTTP 403 from something between the gateway and Corefy"), "{told}");
    let request = pb::ListApiCallsRequest { operation: "payment_intent.confirm".to_owned(), ..Default::default() };
    let calls = client.list_api_calls(request).await.unwrap().into_inner().api_calls;
    assert_eq!((calls[0].outcome(), calls[0].error_code.as_str()), (ApiCallOutcome::Unclear, "http_403"));

    between.answer(Method::GET, SUPPORTED, 200, "<html>Welcome to the guest network</html>");
    let found = client.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner();
    assert!(!found.authenticated, "{}", found.message);
}

async fn a_decline_ends_an_attempt_whatever_its_amount_and_reason_look_like(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    let lost = json!({"code": "lost_card", "message": null});
    for odd in [
        json!({"amount": ""}),
        json!({"amount": null}),
        json!({"amount": 0}),
        json!({"amount": "n/a", "currency": null}),
        json!({"amount": 12345, "status": "FAILED", "refunds": "none"}),
        json!({"error": lost}),
        json!({"error": {"code": 51, "message": []}}),
        json!({"error": []}),
    ] {
        let id = client.intent("10.00").await.id;
        between.replace(Method::POST, "/confirm", odd.clone());
        let declined = client.confirm(&id, DECLINED).await.unwrap();
        assert_eq!(declined.state(), State::RequiresPaymentMethod, "{odd}");
        let code = match odd.get("error") {
            None => "insufficient_funds",
            Some(error) if error.is_array() => "declined",
            Some(error) => error["code"].as_str().unwrap_or("51"),
        };
        assert_eq!(last_error(&declined), code, "{odd}");
        between.step_back();
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded);
        app.assert_books_agree(&client, &id).await;
    }
}

async fn what_was_paid_is_paid_in_whatever_form_it_is_told(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    for odd in [
        json!({"amount": "10.00000000000001"}),
        json!({"amount": "9.999999999999998", "currency": "usd"}),
        json!({"status": "SUCCEEDED", "payment_id": 77, "error": [], "refunds": [null], "next_action": []}),
        json!({"status": "Succeeded", "reference_id": null, "updated_at": [], "metadata": []}),
    ] {
        let id = client.intent("10.00").await.id;
        between.replace(Method::POST, "/confirm", odd.clone());
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded, "{odd}");
        between.step_back();
        app.assert_books_agree(&client, &id).await;
    }
    let id = client.intent("10.00").await.id;
    between.change(|_, _, (status, body)| Some((*status, [b"\xef\xbb\xbf", &body[..]].concat())));
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded, "a byte order mark");
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);

    // A payment with a number for its id, everywhere.
    between.change(|_, _, (status, body)| {
        let mut object: Value = serde_json::from_slice(body).ok()?;
        object["id"] = json!(170_001);
        Some((*status, object.to_string().into_bytes()))
    });
    let id = client.intent("10.00").await;
    assert_eq!(id.upstream_id, "170001");

    between.step_back();
    let id = client.intent("10.00").await.id;
    between.change(|_, path, (status, body)| {
        let mut object: Value = serde_json::from_slice(body).ok()?;
        object["amount"] = json!("about ten");
        (path.contains("/payment")).then(|| (*status, object.to_string().into_bytes()))
    });
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing, "paid, but how much?");
    assert!(
        metric(&app, r#"corefy_gateway_upstream_unreadable_total{operation="payment_intent.confirm",part="amount"}"#)
            .await
    );
    let told = timeline(&app, &client, &id).await;
    assert!(told.contains("these parts of the answer could not be read: amount"), "{told}");
    between.step_back();
    app.recover_after(Duration::from_secs(5)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
}

async fn a_refund_is_known_in_whatever_form_it_is_told(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    for odd in [
        json!({"status": "SUCCEEDED", "currency": "usd", "amount": "4.000000000000001"}),
        json!({"payment_id": 7, "reason": [], "error": [], "created_at": {}, "reference_id": null}),
    ] {
        let paid = client.paid_intent("10.00").await;
        between.replace(Method::POST, "/refunds", odd.clone());
        let refund = client.refund(&paid.payment_id, "4.00").await.unwrap();
        assert!(!refund.upstream_id.is_empty(), "{odd}");
        between.step_back();
        assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00");
    }
    let paid = client.paid_intent("10.00").await;
    between.replace(
        Method::POST,
        "/refunds",
        json!({"status": "failed", "amount": null, "error": {"code": "account_closed"}}),
    );
    let refund = client.refund(&paid.payment_id, "4.00").await.unwrap();
    assert_eq!(refund.state(), RefundState::Failed);
    assert_eq!(refund.failure.unwrap().code, "account_closed");
}

async fn an_object_is_known_by_its_id_alone(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    between.change(|method, path, (status, body)| {
        let object: Value = serde_json::from_slice(body).ok()?;
        let alone = json!({"id": object["id"], "metadata": [], "email": [], "customer_id": null, "status": null});
        let is_creation = method == Method::POST && !path.ends_with("/confirm");
        is_creation.then(|| (*status, alone.to_string().into_bytes()))
    });
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    let intent = client.intent("10.00").await;
    assert_eq!(intent.state(), State::RequiresConfirmation);
    assert!(!method.upstream_id.is_empty() && !intent.upstream_id.is_empty());
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn an_object_with_a_taken_reference_is_adopted_without_a_message(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    app.sandbox.faults().set(|switches| switches.ignore_idempotency_keys = true);
    app.sandbox.faults().fail_next(1, CREATE.0, CREATE.1, Fault::DropAfterExecute);
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::DropAfterExecute);
    // A proxy that forwards the loss as one of its own.
    let intent = client.intent("10.00").await;
    let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    assert_eq!((intent.upstream_id.as_str(), customer.upstream_id.as_str()), ("", ""));
    between.change(|_, _, (status, body)| {
        let mut object: Value = serde_json::from_slice(body).ok()?;
        object["message"] = Value::Null;
        object["errors"] = json!([]);
        (*status == 409).then(|| (409, object.to_string().into_bytes()))
    });
    app.recover_after(Duration::from_secs(2)).await;
    assert_ne!(client.get(&intent.id).await.upstream_id, "");
    let request = pb::GetCustomerRequest { id: customer.id };
    assert_ne!(client.get_customer(request).await.unwrap().into_inner().customer.unwrap().upstream_id, "");
    assert_eq!(app.sent(CREATE), 2);
}

/// A URL of this many bytes.
fn address(length: usize) -> String {
    format!("{:x<length$}", "https://bank.example/3ds?token=")
}

async fn a_payer_is_sent_to_a_long_address(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    for action in [
        json!({"type": null, "url": address(100)}),
        json!({"url": address(2049)}),
        json!({"type": "redirect", "url": address(8000)}),
    ] {
        let id = client.intent("10.00").await.id;
        between.replace(Method::POST, "/confirm", json!({"next_action": action}));
        let confirmed = client.confirm(&id, CHALLENGE).await.unwrap();
        assert_eq!(confirmed.state(), State::RequiresAction, "{action}");
        assert_eq!(Some(redirect(&confirmed).url.as_str()), action["url"].as_str());
        let events = client.event_types(&id).await;
        assert!(events.contains(&"payment_intent.requires_action".to_owned()), "{events:?}");
    }
    assert_eq!(app.sent(CONFIRM), 3);
}

async fn an_address_that_is_dropped_is_told_in_the_timeline(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    for action in [
        json!({"url": address(8193)}),
        json!({"url": "javascript:alert(1)"}),
        json!(null),
        json!({"type": "hologram", "data": "x"}),
    ] {
        let id = client.intent("10.00").await.id;
        between.replace(Method::POST, "/confirm", json!({"next_action": action}));
        assert_eq!(client.confirm(&id, CHALLENGE).await.unwrap().state(), State::Processing);
        let told = timeline(&app, &client, &id).await;
        assert!(told.contains("these parts of the answer could not be read: next_action"), "{told}");
    }
    assert!(
        metric(
            &app,
            r#"corefy_gateway_upstream_unreadable_total{operation="payment_intent.confirm",part="next_action"}"#
        )
        .await
    );
}

async fn a_kind_of_payment_method_is_offered_for_the_currencies_it_names(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    let kinds = json!({"data": [
        {"type": "card", "currencies": ["eur", null, {}]}, null, "cards", {"type": "usdt", "currencies": ["USDT"]},
        {"type": "any", "currencies": null}, {"type": null, "currencies": ["EUR"]}, {"type": "pounds", "currencies": ["GBP"]},
    ]});
    between.answer(Method::GET, "/supported", 200, kinds.to_string());
    let request = pb::ListSupportedPaymentMethodsRequest { currency: "EUR".to_owned(), ..Default::default() };
    let found = client.list_supported_payment_methods(request).await.unwrap().into_inner().supported_payment_methods;
    let kinds: Vec<_> = found.iter().map(|kind| kind.r#type.as_str()).collect();
    assert_eq!(kinds, ["card", "any"]);
    for part in ["currencies", "entries", "type"] {
        let series = format!(
            r#"corefy_gateway_upstream_unreadable_total{{operation="payment_method.list_supported",part="{part}"}}"#
        );
        assert!(metric(&app, &series).await, "{part}");
    }
}

async fn a_list_of_saved_methods_that_lacks_one_proves_nothing(database: TestDatabase) {
    let (app, client, between) = start(database).await;
    let customer = client.customer("jane@example.com").await;
    between.answer(Method::POST, "/payment-methods", 499, "");
    let method =
        client.create_payment_method(card_to_save(&customer)).await.unwrap().into_inner().payment_method.unwrap();
    between.answer(Method::GET, "/payment-methods", 200, "[null]");
    app.recover_during(Duration::from_secs(600)).await;
    between.answer(
        Method::GET,
        "/payment-methods",
        422,
        json!({"message": "no", "error_code": "bad_page"}).to_string(),
    );
    app.recover_during(Duration::from_secs(1800)).await;
    between.step_back();
    app.recover_during(Duration::from_secs(4000)).await;
    let request = pb::GetPaymentMethodRequest { id: method.id };
    assert_ne!(client.get_payment_method(request).await.unwrap().into_inner().payment_method.unwrap().upstream_id, "");
}

async fn a_wrong_amount_that_does_not_stay_alerts_nobody(database: TestDatabase) {
    let (app, client, _) = start(database).await;
    // A wrong state in the answer to the confirmation alone.
    let id = client.intent("10.00").await.id;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::WrongAmount);
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing);
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
    assert_eq!(alerts(&client, &id).await, 0);
    // A wrong state in one read alone, which is repeated soon although the next lookup were late.
    let id = client.intent("10.00").await.id;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::HttpAfterExecute(500));
    client.confirm(&id, APPROVED).await.unwrap();
    app.sandbox.faults().fail_next(1, READ.0, READ.1, Fault::WrongAmount);
    app.recover_after(Duration::from_secs(130)).await;
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
    assert_eq!(alerts(&client, &id).await, 0);
}

async fn a_wrong_amount_that_stays_alerts_once(database: TestDatabase) {
    let (app, client, _) = start(database).await;
    let id = client.intent("10.00").await.id;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::WrongAmount);
    app.sandbox.faults().fail_next(2, READ.0, READ.1, Fault::WrongAmount);
    client.confirm(&id, APPROVED).await.unwrap();
    assert_eq!(alerts(&client, &id).await, 0);
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(alerts(&client, &id).await, 1);
    client.get(&id).await;
    assert_eq!(alerts(&client, &id).await, 1);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded, "late truth wins");
}

async fn alerts(client: &Client, id: &str) -> usize {
    client.event_types(id).await.iter().filter(|event| *event == "payment_intent.orphan_charge").count()
}
