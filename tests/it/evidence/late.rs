//! Operations that were given up and yet carried out, without a webhook that reports it.

use std::time::Duration;

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::faults::{Fault, ShownRefunds},
};

use super::{CERTAIN, attempt, failure, refund, refused, stored, stored_refund};
use crate::support::{
    app::TestApp,
    client::{APPROVED, Client},
    database::TestDatabase,
    money::{CONFIRM, READ, last_error},
};

crate::on_both!(
    a_late_charge_is_found_by_a_read,
    a_late_charge_is_found_by_a_poll_within_the_week,
    a_late_charge_is_found_before_it_is_charged_again,
    a_late_refund_is_found_by_a_read,
    a_late_refund_is_found_by_a_poll_within_the_week,
    a_late_refund_is_found_when_another_is_tried,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An attempt that was given up. Webhooks are lost.
async fn given_up(app: &TestApp, client: &Client) -> String {
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let id = attempt(app, client, APPROVED, Fault::Http(500)).await;
    app.recover_during(CERTAIN).await;
    let intent = client.get(&id).await;
    assert_eq!((intent.state(), last_error(&intent)), (State::RequiresPaymentMethod, "upstream_no_record"));
    id
}

/// Asserts that the charge is known, was made once, and was reported as a late one.
async fn assert_found(app: &TestApp, client: &Client, id: &str) {
    assert_eq!(stored(client, id).await, State::Succeeded);
    assert_eq!((app.sent(CONFIRM), app.sandbox.ledger().charged(id)), (1, 1000));
    assert!(client.event_types(id).await.contains(&"payment_intent.late_success".to_owned()));
    app.assert_books_agree(client, id).await;
}

async fn a_late_charge_is_found_by_a_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = given_up(&app, &client).await;
    app.sandbox.charge_late(&id).unwrap();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(client.get(&id).await.state(), State::Succeeded);
    assert_found(&app, &client, &id).await;
}

async fn a_late_charge_is_found_by_a_poll_within_the_week(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = given_up(&app, &client).await;
    for _ in 0..4 {
        app.recover_after(DAY).await;
    }
    app.sandbox.charge_late(&id).unwrap();
    for _ in 0..2 {
        app.recover_after(DAY).await;
    }
    assert_found(&app, &client, &id).await;
}

async fn a_late_charge_is_found_before_it_is_charged_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = given_up(&app, &client).await;
    app.sandbox.faults().set(|switches| switches.charge_again = true);
    app.sandbox.charge_late(&id).unwrap();
    app.sandbox.faults().fail_next(2, READ.0, READ.1, Fault::Http(500));
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT", "Corefy could not be asked");
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "PAYMENT_INTENT_STATE", "Corefy was asked");
    assert_found(&app, &client, &id).await;
}

/// A payment over 10.00 and a refund of 6.00 that was given up and is made now. Webhooks are lost.
async fn refunded_late(app: &TestApp, client: &Client) -> (pb::PaymentIntent, String) {
    let paid = client.paid_intent("10.00").await;
    app.sandbox.faults().set(|switches| {
        switches.webhooks.loss_percent = 100;
        switches.shown_refunds = ShownRefunds::None;
    });
    let id = refund(app, client, &paid.payment_id, "6.00", Fault::HttpAfterExecute(500)).await;
    app.recover_during(CERTAIN).await;
    let given_up = stored_refund(client, &id).await;
    assert_eq!((given_up.state(), failure(&given_up)), (RefundState::Failed, "upstream_no_record"));
    (paid, id)
}

async fn assert_refund_found(app: &TestApp, client: &Client, paid: &pb::PaymentIntent, id: &str) {
    let found = stored_refund(client, id).await;
    assert_eq!((found.state(), failure(&found)), (RefundState::Succeeded, ""));
    assert!(client.event_types(id).await.contains(&"refund.late_success".to_owned()));
    assert_eq!(app.assert_books_agree(client, &paid.id).await.amount_refunded, "6.00");
}

async fn a_late_refund_is_found_by_a_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, id) = refunded_late(&app, &client).await;
    app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
    app.clock.advance(Duration::from_secs(2));
    let read = client.get_refund(pb::GetRefundRequest { id: id.clone() }).await.unwrap().into_inner().refund.unwrap();
    assert_eq!(read.state(), RefundState::Succeeded);
    assert_refund_found(&app, &client, &paid, &id).await;
}

async fn a_late_refund_is_found_by_a_poll_within_the_week(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, id) = refunded_late(&app, &client).await;
    for _ in 0..4 {
        app.recover_after(DAY).await;
    }
    app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
    for _ in 0..2 {
        app.recover_after(DAY).await;
    }
    assert_refund_found(&app, &client, &paid, &id).await;
}

async fn a_late_refund_is_found_when_another_is_tried(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, id) = refunded_late(&app, &client).await;
    app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
    assert_eq!(refused(client.refund(&paid.payment_id, "6.00").await), "UPSTREAM_REJECTED", "Corefy knows better");
    app.recover_after(Duration::from_secs(1)).await;
    assert_refund_found(&app, &client, &paid, &id).await;
    assert_eq!(refused(client.refund(&paid.payment_id, "6.00").await), "REFUND_EXCEEDS_PAYMENT");
}
