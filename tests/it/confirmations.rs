//! Paying an intent, and giving it up: ConfirmPaymentIntent and CancelPaymentIntent.

use std::time::Duration;

use corefy_gateway::{
    pb::{self, DisplayDetailsKind as Kind, PaymentErrorAdvice as Advice, PaymentIntentState as State},
    sandbox::{DISPLAY_TIME, EXPIRED, faults::Fault},
};
use tonic::Code;

use crate::support::{
    app::{START, TestApp, http_client},
    client::{APPROVED, Client, card, confirmation, new_intent, redirect},
    database::TestDatabase,
    refusal::{facts, refused},
    requests::{confirmation_by, wallet},
};

crate::on_both!(
    an_intent_is_paid_by_card_once,
    a_decline_is_an_answer_with_advice_and_the_intent_can_be_paid_again,
    an_intent_is_paid_by_a_method_saved_for_its_customer,
    a_method_of_another_customer_cannot_pay,
    a_challenge_is_answered_by_the_payer,
    a_challenge_that_is_declined_leaves_the_intent_unpaid,
    a_payer_pays_elsewhere_with_the_details_that_are_shown,
    details_that_were_not_paid_in_time_end_the_attempt,
    an_authentication_done_elsewhere_is_passed_on,
    a_payment_that_is_processing_is_asked_about_when_it_is_read,
    an_intent_is_canceled_only_while_it_is_not_being_paid,
    fields_that_corefy_refuses_are_named_as_ours,
    a_refused_confirmation_leaves_the_intent_as_it_was,
);

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
        assert!(!error.message.is_empty() && !error.payer_message.is_empty());
        assert_ne!(error.payer_message, error.message, "what Corefy says is for the merchant");
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
    let intent = client.created(pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
    let paid = client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await.unwrap();
    assert_eq!(paid.into_inner().payment_intent.unwrap().state(), State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_method_of_another_customer_cannot_pay(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let theirs = client.saved_card(&client.customer("joan@example.com").await).await;
    let of_customer = client.created(pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
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
    let page = redirect(&intent);
    assert_eq!((page.method.as_str(), page.params.len()), ("GET", 0));
    assert!(page.url.starts_with(app.sandbox.base_url().as_str()), "{}", page.url);
    let refusal = refused(client.confirm(&intent.id, APPROVED).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "ATTEMPT_IN_DOUBT"));
    assert!(refusal.retry_after.is_some());

    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = browser.post(&page.url).header(form.0, form.1).body("decision=approve");
    answer.send().await.unwrap().error_for_status().unwrap();
    app.clock.advance(Duration::from_secs(2));
    let paid = client.get(&intent.id).await;
    assert_eq!((paid.state(), paid.next_action), (State::Succeeded, None));
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_challenge_that_is_declined_leaves_the_intent_unpaid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = challenged(&client).await;
    app.sandbox.complete_action(&intent.id, false).unwrap();
    app.process_webhooks().await;
    let declined = client.get(&intent.id).await;
    assert_eq!((declined.state(), declined.next_action), (State::RequiresPaymentMethod, None));
    assert_eq!(declined.last_payment_error.unwrap().code, "authentication_failed");
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 0);
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
}

async fn a_payer_pays_elsewhere_with_the_details_that_are_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (method, kind) in [("qr", Kind::QrCode), ("voucher", Kind::Voucher), ("bank_transfer", Kind::BankTransfer)] {
        let intent = shown_details(&client, method).await;
        let details = display(&intent).unwrap();
        assert_eq!(details.kind(), kind);
        assert!(!details.data.is_empty() && details.text.lines().count() > 1, "{method}");
        let expiry = app.clock.now() + DISPLAY_TIME;
        assert_eq!(details.expires_at.unwrap().seconds, expiry.seconds());
        assert_eq!(display(&client.get(&intent.id).await), Some(details.clone()));
        assert_eq!(refused(client.confirm(&intent.id, APPROVED).await).reason, "ATTEMPT_IN_DOUBT");

        let page = details.text.split_whitespace().last().unwrap().to_owned();
        let form = ("content-type", "application/x-www-form-urlencoded");
        let answer = http_client().post(page).header(form.0, form.1).body("decision=approve").send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        app.process_webhooks().await;
        let paid = client.get(&intent.id).await;
        assert_eq!((paid.state(), paid.next_action), (State::Succeeded, None));
        assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
    }
}

async fn details_that_were_not_paid_in_time_end_the_attempt(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = shown_details(&client, "voucher").await;
    app.clock.advance(DISPLAY_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    let expired = client.get(&intent.id).await;
    assert_eq!((expired.state(), expired.next_action), (State::RequiresPaymentMethod, None));
    assert_eq!(expired.last_payment_error.unwrap().code, EXPIRED);
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
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
            ..Default::default()
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

/// From the clock's start to 2026-12-01T06:00:00Z.
const START_TO_DECEMBER: Duration = Duration::from_secs((7 * 24 + 20) * 3600);
/// A card that makes the payer act.
const CHALLENGED: &str = "4000000000003220";
/// The card that is charged 5 seconds later.
const PROCESSING: &str = "4000000000000077";

/// An intent whose payer was shown how to pay by this type of payment method.
async fn shown_details(client: &Client, method: &str) -> pb::PaymentIntent {
    let customer_id = client.customer("jane@example.com").await;
    let saved = client.create_payment_method(wallet(&customer_id, method)).await.unwrap().into_inner();
    let intent = client.created(pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
    let request = confirmation_by(&intent.id, &saved.payment_method.unwrap().id);
    let shown = client.confirm_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap();
    assert_eq!(shown.state(), State::RequiresAction);
    shown
}

/// The details that the payer of the intent is shown.
fn display(intent: &pb::PaymentIntent) -> Option<pb::DisplayDetails> {
    match intent.next_action.clone()?.action? {
        pb::next_action::Action::Display(details) => Some(details),
        pb::next_action::Action::Redirect(_) => None,
    }
}

/// An intent whose payer has to act.
async fn challenged(client: &Client) -> pb::PaymentIntent {
    let intent = client.intent("10.00").await;
    let challenged = client.confirm(&intent.id, CHALLENGED).await.unwrap();
    assert_eq!(challenged.state(), State::RequiresAction);
    challenged
}
