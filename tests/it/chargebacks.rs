//! Chargebacks: what a payer's bank takes back is known with its amount, by a webhook or without, and cannot be refunded; in both APIs of Corefy.

use std::time::Duration;

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, RefundState, event::Object},
    sandbox::{CHARGEBACK_TIME, PROCESSING_TIME},
};

use crate::support::{
    app::TestApp,
    client::{Client, reason},
    database::TestDatabase,
};

crate::on_both!(
    a_chargeback_is_known_by_its_webhook,
    a_chargeback_is_known_by_its_webhook_in_commerce,
    chargebacks_are_known_within_the_hour_without_a_webhook,
    chargebacks_are_known_within_the_hour_without_a_webhook_in_commerce,
    a_chargeback_after_a_refund_takes_more_than_was_left,
    a_chargeback_after_a_refund_takes_more_than_was_left_in_commerce,
    a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back,
    a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back_in_commerce,
);

/// A card whose payment the payer's bank takes back.
const CHARGED_BACK: &str = "4000000000000259";
const HOUR: Duration = Duration::from_secs(3600);

/// The amounts taken back so far, by the events about chargebacks of this payment.
async fn reported(client: &Client, id: &str) -> Vec<String> {
    let types = vec!["payment_intent.charged_back".to_owned()];
    let request = pb::ListEventsRequest { types, object_id: id.to_owned(), ..Default::default() };
    let events = client.events(request).await.unwrap().events;
    let sum = |event: pb::Event| match event.object {
        Some(Object::PaymentIntent(intent)) => intent.amount_charged_back,
        other => panic!("no payment intent: {other:?}"),
    };
    events.into_iter().map(sum).collect()
}

/// The amounts of the payment in the gateway, without asking Corefy: charged back, refundable.
async fn known(client: &Client, id: &str) -> (String, String) {
    let listed = client.intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().payment_intents;
    let intent = listed.into_iter().find(|intent| intent.id == id).unwrap();
    assert_eq!(intent.state(), State::Succeeded);
    (intent.amount_charged_back, intent.amount_refundable)
}

fn told(charged_back: &str, refundable: &str) -> (String, String) {
    (charged_back.to_owned(), refundable.to_owned())
}

async fn a_chargeback_is_known_by_its_webhook(database: TestDatabase) {
    webhook(TestApp::start(database).await).await;
}

async fn a_chargeback_is_known_by_its_webhook_in_commerce(database: TestDatabase) {
    webhook(TestApp::start_commerce(database).await).await;
}

async fn chargebacks_are_known_within_the_hour_without_a_webhook(database: TestDatabase) {
    polls(TestApp::start(database).await).await;
}

async fn chargebacks_are_known_within_the_hour_without_a_webhook_in_commerce(database: TestDatabase) {
    polls(TestApp::start_commerce(database).await).await;
}

async fn a_chargeback_after_a_refund_takes_more_than_was_left(database: TestDatabase) {
    after_refund(TestApp::start(database).await).await;
}

async fn a_chargeback_after_a_refund_takes_more_than_was_left_in_commerce(database: TestDatabase) {
    after_refund(TestApp::start_commerce(database).await).await;
}

async fn a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back(database: TestDatabase) {
    refund_under_way(TestApp::start(database).await).await;
}

async fn a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back_in_commerce(database: TestDatabase) {
    refund_under_way(TestApp::start_commerce(database).await).await;
}

async fn webhook(app: TestApp) {
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let paid = client.confirm(&intent.id, CHARGED_BACK).await.unwrap();
    assert_eq!((paid.state(), paid.amount_charged_back.as_str()), (State::Succeeded, "0.00"));
    app.process_webhooks().await;
    app.clock.advance(CHARGEBACK_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    assert_eq!(reported(&client, &paid.id).await, ["10.00"]);
    let refused = client.refund(&paid.payment_id, "1.00").await.unwrap_err();
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_PAYMENT");
    let shown = app.assert_books_agree(&client, &paid.id).await;
    assert!(shown.revision > paid.revision, "{} {}", shown.revision, paid.revision);
}

async fn polls(app: TestApp) {
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    app.sandbox.charge_back(&paid.id, 450).unwrap();
    app.recover_after(HOUR).await;
    assert_eq!(known(&client, &paid.id).await, told("4.50", "5.50"));
    app.sandbox.charge_back(&paid.id, 150).unwrap();
    app.recover_after(HOUR).await;
    assert_eq!(known(&client, &paid.id).await, told("6.00", "4.00"));
    assert_eq!(reported(&client, &paid.id).await, ["4.50", "6.00"], "each with the sum until then");
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "4.00");
    app.assert_books_agree(&client, &paid.id).await;
}

async fn after_refund(app: TestApp) {
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    client.refund(&paid.payment_id, "7.00").await.unwrap();
    app.sandbox.charge_back(&paid.id, 1000).unwrap();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "7.00");
    assert_eq!(app.sandbox.ledger().charged_back(&paid.id), 1000);
}

async fn refund_under_way(app: TestApp) {
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let refund = client.refund(&paid.payment_id, "4.61").await.unwrap();
    assert_eq!(refund.state(), RefundState::Pending);
    app.sandbox.charge_back(&paid.id, 1000).unwrap();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    app.clock.advance(PROCESSING_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    let request = pb::GetRefundRequest { id: refund.id };
    let ended = client.get_refund(request).await.unwrap().into_inner().refund.unwrap();
    assert_eq!(ended.state(), RefundState::Succeeded);
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.61");
}
