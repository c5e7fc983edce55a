//! PaymentIntentService, call by call.

use std::{collections::BTreeMap, time::Duration};

use corefy_gateway::{
    domain::money::Currency,
    pb::{self, PaymentErrorAdvice as Advice, PaymentIntentState as State},
    sandbox::faults::Fault,
};
use prost_types::Timestamp;
use tonic::Code;

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client, card, confirmation, new_intent},
    database::TestDatabase,
    refusal::{refused, wrong_fields},
    requests::{confirmation_by, full_intent},
};

crate::on_both!(
    an_intent_comes_back_as_it_was_given,
    amounts_have_the_decimals_of_their_currency,
    an_intent_is_found_by_either_of_its_ids,
    a_reference_is_taken_for_ever_and_only_by_objects_of_its_kind,
    a_reference_of_an_intent_that_was_refused_is_free_again,
    intents_are_listed_newest_first_page_by_page,
    a_page_token_is_good_only_for_its_own_list,
    page_sizes_are_bounded,
    intents_are_filtered_by_everything_that_is_given,
    an_intent_is_paid_by_card_once,
    a_decline_is_an_answer_with_advice_and_the_intent_can_be_paid_again,
    an_intent_is_paid_by_a_method_saved_for_its_customer,
    a_method_of_another_customer_cannot_pay,
    a_challenge_is_answered_by_the_payer,
    a_challenge_that_is_declined_leaves_the_intent_unpaid,
    an_authentication_done_elsewhere_is_passed_on,
    a_payment_that_is_processing_is_asked_about_when_it_is_read,
    an_intent_is_canceled_only_while_it_is_not_being_paid,
    fields_that_corefy_refuses_are_named_as_ours,
    a_refused_confirmation_leaves_the_intent_as_it_was,
    a_currency_that_the_operator_does_not_accept_is_refused,
    a_creation_whose_answer_is_lost_is_an_answer_and_found_later,
);

async fn an_intent_comes_back_as_it_was_given(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let given = pb::CreatePaymentIntentRequest { customer_id, ..full_intent() };
    let created = created(&client, given.clone()).await;

    assert!(created.id.starts_with("pi_") && created.upstream_id.starts_with("in_"), "{}", created.upstream_id);
    assert_eq!(created.payment_id, created.id.replacen("pi_", "pay_", 1));
    assert_eq!(created.state(), State::RequiresConfirmation);
    assert_eq!((created.amount.as_str(), created.amount_received.as_str()), ("100.00", "0.00"));
    assert_eq!(created.amount_refunded, "0.00");
    let back = pb::CreatePaymentIntentRequest {
        amount: given.amount.clone(),
        currency: created.currency.clone(),
        payment_method: created.payment_method.clone(),
        customer_id: created.customer_id.clone(),
        customer_email: created.customer_email.clone(),
        customer_name: created.customer_name.clone(),
        customer_phone: created.customer_phone.clone(),
        description: created.description.clone(),
        reference_id: created.reference_id.clone(),
        return_url: created.return_url.clone(),
        failure_url: created.failure_url.clone(),
        billing_address: created.billing_address.clone(),
        metadata: created.metadata.clone(),
    };
    assert!(back == given, "a field came back changed");
    assert!(created.next_action.is_none() && created.last_payment_error.is_none());
    let start = Timestamp { seconds: START.seconds(), nanos: 0 };
    assert_eq!((created.created_at, created.updated_at), (Some(start), Some(start)));
    assert!(client.get(&created.id).await == created);
    assert!(listed(&client, pb::ListPaymentIntentsRequest::default()).await == [created]);
}

async fn amounts_have_the_decimals_of_their_currency(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let in_currency = |amount: &str, currency: &str| pb::CreatePaymentIntentRequest {
        currency: currency.to_owned(),
        ..new_intent(amount)
    };
    for (currency, given, shown, none) in [
        ("USD", "100", "100.00", "0.00"),
        ("USD", "0.01", "0.01", "0.00"),
        ("USD", "1000000", "1000000.00", "0.00"),
        ("JPY", "100", "100", "0"),
        ("KWD", "1.234", "1.234", "0.000"),
        ("KWD", "1.5", "1.500", "0.000"),
    ] {
        let intent = created(&client, in_currency(given, currency)).await;
        assert_eq!((intent.amount.as_str(), intent.amount_received.as_str()), (shown, none), "{given} {currency}");
        let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
        assert_eq!((paid.amount_received.as_str(), paid.amount_refunded.as_str()), (shown, none));
        let refund = client.refund(&intent.id, "").await.unwrap();
        assert_eq!((refund.amount.as_str(), refund.currency.as_str()), (shown, currency));
        assert_eq!(client.get(&intent.id).await.amount_refunded, shown);
    }
    for (currency, amount) in [("USD", "1.001"), ("JPY", "1.0"), ("KWD", "1.2345"), ("USD", "0"), ("USD", "1000000.01")]
    {
        let refusal = client.create_payment_intent(in_currency(amount, currency)).await;
        assert_eq!(wrong_fields(refusal), ["amount"], "{amount} {currency}");
    }
}

async fn an_intent_is_found_by_either_of_its_ids(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert!(client.get(&intent.payment_id).await == intent);
    let unknown = intent.id.replace(&intent.id[intent.id.len() - 4..], "0000");
    let refusal = refused(client.get_payment_intent(pb::GetPaymentIntentRequest { id: unknown.clone() }).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert_eq!(refusal.facts["resource_id"], unknown);
    let paid = client.confirm(&intent.payment_id, APPROVED).await.unwrap();
    assert_eq!((paid.id, paid.state), (intent.id, State::Succeeded.into()));
}

async fn a_reference_is_taken_for_ever_and_only_by_objects_of_its_kind(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = created(&client, full_intent()).await;
    client.cancel(&first.id).await.unwrap();
    app.clock.advance(Duration::from_secs(365 * 24 * 3600));
    let refusal = refused(client.create_payment_intent(full_intent()).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::AlreadyExists, "REFERENCE_ID_TAKEN"));
    assert_eq!(refusal.facts, facts(&[("reference_id", "order-7"), ("resource_id", &first.id)]));

    let customer = pb::CreateCustomerRequest {
        email: "jane@example.com".to_owned(),
        reference_id: "order-7".to_owned(),
        ..Default::default()
    };
    client.create_customer(customer).await.unwrap();
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    created(&other, full_intent()).await;
    // Those without one do not stand in each other's way.
    assert_ne!(client.intent("1.00").await.id, client.intent("1.00").await.id);
}

async fn a_reference_of_an_intent_that_was_refused_is_free_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::Http(400));
    assert_eq!(refused(client.create_payment_intent(full_intent()).await).reason, "UPSTREAM_REJECTED");
    assert_eq!(created(&client, full_intent()).await.reference_id, "order-7");
}

async fn intents_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(client.intent("1.00").await.id);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut request = pb::ListPaymentIntentsRequest { page_size: 2, ..Default::default() };
    let mut sizes = Vec::new();
    loop {
        let page = client.intents(request.clone()).await.unwrap();
        sizes.push(page.payment_intents.len());
        seen.extend(page.payment_intents.into_iter().map(|intent| intent.id));
        // What comes in between moves no page.
        client.intent("2.00").await;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((seen, sizes), (ids, vec![2, 2, 1]));
}

async fn a_page_token_is_good_only_for_its_own_list(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..3 {
        client.intent("1.00").await;
    }
    let first = pb::ListPaymentIntentsRequest { page_size: 1, ..Default::default() };
    let page_token = client.intents(first.clone()).await.unwrap().next_page_token;
    let next = pb::ListPaymentIntentsRequest { page_token: page_token.clone(), ..first };
    // The size may change from page to page; the filters may not.
    let larger = pb::ListPaymentIntentsRequest { page_size: 50, ..next.clone() };
    assert_eq!(client.intents(larger).await.unwrap().payment_intents.len(), 2);
    let others = [
        pb::ListPaymentIntentsRequest { state: State::RequiresConfirmation.into(), ..next.clone() },
        pb::ListPaymentIntentsRequest { reference_id: "order-7".to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { created_from: Some(Timestamp::default()), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: "nonsense".to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: page_token[..page_token.len() - 2].to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: "two words".to_owned(), ..next },
    ];
    for other in others {
        assert_eq!(wrong_fields(client.intents(other).await), ["page_token"]);
    }
    let stranger = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    let stolen = pb::ListPaymentIntentsRequest { page_token: page_token.clone(), ..Default::default() };
    assert_eq!(wrong_fields(stranger.intents(stolen).await), ["page_token"]);
    let of_refunds = pb::ListRefundsRequest { page_token, ..Default::default() };
    assert_eq!(wrong_fields(client.list_refunds(of_refunds).await), ["page_token"]);
}

async fn page_sizes_are_bounded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..21 {
        client.intent("1.00").await;
    }
    let of_size = |page_size| client.intents(pb::ListPaymentIntentsRequest { page_size, ..Default::default() });
    for (asked, given) in [(0, 20), (1, 1), (21, 21), (100, 21)] {
        let page = of_size(asked).await.unwrap();
        assert_eq!((page.payment_intents.len(), page.next_page_token.is_empty()), (given, given == 21), "{asked}");
    }
    for asked in [-1, 101, i32::MIN, i32::MAX] {
        assert_eq!(wrong_fields(of_size(asked).await), ["page_size"], "{asked}");
    }
}

async fn intents_are_filtered_by_everything_that_is_given(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let first = created(&client, full_intent()).await;
    app.clock.advance(Duration::from_secs(10));
    let second = created(&client, pb::CreatePaymentIntentRequest { customer_id, ..new_intent("2.00") }).await;
    client.confirm(&second.id, APPROVED).await.unwrap();
    app.clock.advance(Duration::from_secs(10));
    let third = client.intent("3.00").await;

    let at = |after: i64| Some(Timestamp { seconds: START.seconds() + after, nanos: 0 });
    let by = |change: fn(&mut pb::ListPaymentIntentsRequest)| {
        let mut request = pb::ListPaymentIntentsRequest::default();
        change(&mut request);
        request
    };
    let customer = pb::ListPaymentIntentsRequest { customer_id: second.customer_id.clone(), ..Default::default() };
    let times = |created_from, created_before| pb::ListPaymentIntentsRequest {
        created_from,
        created_before,
        ..Default::default()
    };
    let of_both = pb::ListPaymentIntentsRequest { reference_id: "order-7".to_owned(), ..customer.clone() };
    let expected: [(_, &[&str]); 9] = [
        (by(|request| request.set_state(State::Succeeded)), &[&second.id]),
        (by(|request| request.set_state(State::RequiresConfirmation)), &[&third.id, &first.id]),
        (by(|request| request.set_state(State::Canceled)), &[]),
        (by(|request| request.reference_id = "order-7".to_owned()), &[&first.id]),
        (customer, &[&second.id]),
        (of_both, &[]),
        (times(at(10), None), &[&third.id, &second.id]),
        (times(None, at(10)), &[&first.id]),
        (times(at(10), at(20)), &[&second.id]),
    ];
    for (request, ids) in expected {
        let found: Vec<_> = listed(&client, request.clone()).await.into_iter().map(|intent| intent.id).collect();
        assert_eq!(found, ids, "{request:?}");
    }
    assert_eq!(wrong_fields(client.intents(times(at(10), at(10))).await), ["created_from"]);
    let no_time = Some(Timestamp { seconds: 0, nanos: -1 });
    assert_eq!(wrong_fields(client.intents(times(no_time, None)).await), ["created_from"]);
    assert_eq!(wrong_fields(client.intents(by(|request| request.state = 99)).await), ["state"]);
}

async fn an_intent_is_paid_by_card_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.clock.advance(Duration::from_secs(7));
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!((paid.state(), paid.amount_received.as_str()), (State::Succeeded, "10.00"));
    assert_eq!(paid.created_at, intent.created_at);
    assert_eq!(paid.updated_at.unwrap().seconds, START.seconds() + 7);
    assert!(client.get(&intent.id).await == paid);

    let refusal = refused(client.confirm(&intent.id, APPROVED).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENT_INTENT_STATE"));
    assert_eq!(refusal.facts, facts(&[("state", "succeeded")]));
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_decline_is_an_answer_with_advice_and_the_intent_can_be_paid_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    for (number, code, advice) in [
        ("4000000000009995", "insufficient_funds", Advice::UseAnotherMethod),
        ("4000000000000119", "processing_error", Advice::TryAgainLater),
        ("4000000000000127", "incorrect_cvc", Advice::CorrectDetails),
        ("4000000000000069", "card_expired", Advice::UseAnotherMethod),
        ("4000000000000002", "do_not_honor", Advice::UseAnotherMethod),
        ("4000000000009987", "lost_card", Advice::DoNotRetry),
        ("4000000000009979", "stolen_card", Advice::DoNotRetry),
        ("4100000000000019", "fraud_suspected", Advice::DoNotRetry),
    ] {
        let declined = client.confirm(&intent.id, number).await.unwrap();
        assert_eq!(declined.state(), State::RequiresPaymentMethod);
        let error = declined.last_payment_error.clone().unwrap();
        assert_eq!((error.code.as_str(), error.advice()), (code, advice));
        assert!(!error.message.is_empty());
        assert!(client.get(&intent.id).await == declined);
    }
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!((paid.state(), paid.last_payment_error), (State::Succeeded, None));
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn an_intent_is_paid_by_a_method_saved_for_its_customer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer_id).await;
    let intent = created(&client, pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
    let paid = client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await.unwrap();
    assert_eq!(paid.into_inner().payment_intent.unwrap().state(), State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_method_of_another_customer_cannot_pay(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let theirs = client.saved_card(&client.customer("joan@example.com").await).await;
    let of_customer = created(&client, pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
    let of_nobody = client.intent("10.00").await;
    for intent in [of_customer, of_nobody] {
        let refusal = refused(client.confirm_payment_intent(confirmation_by(&intent.id, &theirs.id)).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENT_METHOD_MISMATCH"));
        assert!(client.get(&intent.id).await == intent);
        let unknown = theirs.id.replace(&theirs.id[theirs.id.len() - 4..], "0000");
        let refusal = refused(client.confirm_payment_intent(confirmation_by(&intent.id, &unknown)).await);
        assert_eq!((refusal.code, refusal.facts["resource_type"].as_str()), (Code::NotFound, "payment_method"));
    }
    assert_eq!(app.sandbox.ledger().entries.len(), 0);
}

async fn a_challenge_is_answered_by_the_payer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = challenged(&client).await;
    let action = intent.next_action.clone().unwrap();
    assert_eq!((action.r#type(), action.method.as_str()), (pb::NextActionType::Redirect, "GET"));
    assert!(action.redirect_url.starts_with(app.sandbox.base_url().as_str()), "{}", action.redirect_url);
    assert!(action.params.is_empty());
    let refusal = refused(client.confirm(&intent.id, APPROVED).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "ATTEMPT_IN_DOUBT"));
    assert!(refusal.retry_after.is_some());

    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let page = browser.post(&action.redirect_url).header(form.0, form.1).body("decision=approve");
    page.send().await.unwrap().error_for_status().unwrap();
    app.clock.advance(Duration::from_secs(2));
    let paid = client.get(&intent.id).await;
    assert_eq!((paid.state(), paid.next_action), (State::Succeeded, None));
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_challenge_that_is_declined_leaves_the_intent_unpaid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = challenged(&client).await;
    app.sandbox.complete_three_d_secure(&intent.id, false).unwrap();
    app.work_off_webhooks().await;
    let declined = client.get(&intent.id).await;
    assert_eq!((declined.state(), declined.next_action), (State::RequiresPaymentMethod, None));
    assert_eq!(declined.last_payment_error.unwrap().code, "authentication_failed");
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 0);
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
}

async fn an_authentication_done_elsewhere_is_passed_on(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let request = pb::ConfirmPaymentIntentRequest {
        three_d_secure: Some(pb::ThreeDSecure {
            version: "2.2.0".to_owned(),
            eci: "05".to_owned(),
            cavv: "AAABBEg0VhI0VniQEjRWAAAAAAA=".to_owned(),
            xid: "d3f5a1c2".to_owned(),
        }),
        browser_info: Some(pb::BrowserInfo { ip: "2001:db8::1".to_owned(), ..Default::default() }),
        ..confirmation(&intent.id, CHALLENGED)
    };
    let paid = client.confirm_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap();
    assert_eq!((paid.state(), paid.next_action), (State::Succeeded, None));
}

async fn a_payment_that_is_processing_is_asked_about_when_it_is_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(client.confirm(&intent.id, PROCESSING).await.unwrap().state(), State::Processing);
    let refusal = refused(client.confirm(&intent.id, APPROVED).await);
    assert_eq!(refusal.reason, "ATTEMPT_IN_DOUBT");
    app.clock.advance(Duration::from_secs(2));
    for _ in 0..3 {
        assert_eq!(client.get(&intent.id).await.state(), State::Processing);
    }
    // At most once a second.
    assert_eq!(app.sandbox.request_count("GET", "/v1/payments/{id}"), 1);
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(client.get(&intent.id).await.state(), State::Succeeded);
    assert_eq!(app.sandbox.request_count("GET", "/v1/payments/{id}"), 2);
}

async fn an_intent_is_canceled_only_while_it_is_not_being_paid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let fresh = client.intent("10.00").await;
    let declined = client.intent("10.00").await;
    client.confirm(&declined.id, "4000000000000002").await.unwrap();
    for id in [&fresh.id, &declined.payment_id] {
        assert_eq!(client.cancel(id).await.unwrap().state(), State::Canceled);
        let again = client.cancel(id).await.unwrap();
        assert_eq!(again.state(), State::Canceled);
        assert!(client.get(id).await == again);
        let events = client.event_types(id).await;
        assert_eq!(events.iter().filter(|kind| *kind == "payment_intent.canceled").count(), 1, "{events:?}");
        let refusal = refused(client.confirm(id, APPROVED).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENT_INTENT_STATE"));
        assert_eq!(refusal.facts, facts(&[("state", "canceled")]));
    }

    let processing = client.intent("10.00").await;
    client.confirm(&processing.id, PROCESSING).await.unwrap();
    for intent in [processing, challenged(&client).await] {
        let refusal = refused(client.cancel(&intent.id).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "ATTEMPT_IN_DOUBT"));
        assert!(refusal.retry_after.is_some());
    }
    let paid = client.paid_intent("10.00").await;
    let refusal = refused(client.cancel(&paid.id).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENT_INTENT_STATE"));
    assert!(client.get(&paid.id).await == paid);
}

async fn fields_that_corefy_refuses_are_named_as_ours(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    // Still November somewhere on earth, but no longer for Corefy.
    app.clock.advance(START_TO_DECEMBER);
    let old = pb::Card { expiry_month: 11, expiry_year: 2026, ..card(APPROVED) };
    let request = pb::ConfirmPaymentIntentRequest {
        source: Some(pb::confirm_payment_intent_request::Source::Card(old)),
        ..confirmation(&intent.id, APPROVED)
    };
    let refusal = refused(client.confirm_payment_intent(request).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"));
    assert_eq!(refusal.fields, ["card.expiry_year"]);
    assert_eq!(refusal.facts, facts(&[("upstream_code", "validation_error"), ("http_status", "422")]));
    assert_eq!(client.get(&intent.id).await.state(), State::RequiresConfirmation);
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
}

async fn a_refused_confirmation_leaves_the_intent_as_it_was(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    for (status, code, reason) in [
        (400, Code::FailedPrecondition, "UPSTREAM_REJECTED"),
        (404, Code::FailedPrecondition, "UPSTREAM_REJECTED"),
        (401, Code::Internal, "UPSTREAM_MISCONFIGURED"),
        (403, Code::Internal, "UPSTREAM_MISCONFIGURED"),
    ] {
        app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents/{id}/confirm", Fault::Http(status));
        let refusal = refused(client.confirm(&intent.id, APPROVED).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason), "HTTP {status}");
        assert_eq!(client.get(&intent.id).await.state(), State::RequiresConfirmation);
    }
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_currency_that_the_operator_does_not_accept_is_refused(database: TestDatabase) {
    let currencies = ["EUR", "JPY"].map(|code| Currency::parse(code).unwrap());
    let app = TestApp::start_with(database, None, |config| config.currencies = currencies.to_vec()).await;
    let client = app.client().await;
    assert_eq!(wrong_fields(client.create_payment_intent(new_intent("10.00")).await), ["currency"]);
    let euros = pb::CreatePaymentIntentRequest { currency: "EUR".to_owned(), ..new_intent("10.00") };
    assert_eq!(created(&client, euros).await.currency, "EUR");
}

async fn a_creation_whose_answer_is_lost_is_an_answer_and_found_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::DropAfterExecute);
    let intent = client.intent("10.00").await;
    assert_eq!((intent.state(), intent.upstream_id.as_str()), (State::Processing, ""));
    assert_eq!(refused(client.confirm(&intent.id, APPROVED).await).reason, "ATTEMPT_IN_DOUBT");
    app.recover_after(Duration::from_secs(5)).await;
    let found = client.get(&intent.id).await;
    assert_eq!(found.state(), State::RequiresConfirmation);
    assert_eq!(app.sandbox.payments().len(), 1);
    assert_eq!(found.upstream_id, app.sandbox.payments()[0].id);
}

/// From the clock's start to 2026-12-01T06:00:00Z.
const START_TO_DECEMBER: Duration = Duration::from_secs((7 * 24 + 20) * 3600);
/// The card whose payer has to act.
const CHALLENGED: &str = "4000000000003220";
/// The card that is charged 5 seconds later.
const PROCESSING: &str = "4000000000000077";

/// An intent whose payer has to act.
async fn challenged(client: &Client) -> pb::PaymentIntent {
    let intent = client.intent("10.00").await;
    let challenged = client.confirm(&intent.id, CHALLENGED).await.unwrap();
    assert_eq!(challenged.state(), State::RequiresAction);
    challenged
}

async fn created(client: &Client, request: pb::CreatePaymentIntentRequest) -> pb::PaymentIntent {
    client.create_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap()
}

async fn listed(client: &Client, request: pb::ListPaymentIntentsRequest) -> Vec<pb::PaymentIntent> {
    client.intents(request).await.unwrap().payment_intents
}

fn facts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
