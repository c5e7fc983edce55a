//! Changes of a payment after it was settled are found without a webhook: by the polls of settled payments, by a read,
//! and by a command after a back-up was restored.

use std::time::Duration;

use corefy_gateway::{
    app::operations::OperationAdmin,
    domain::audit::{AuditAction, AuditFilter, Operator},
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::test_refunds::RETURN_TIME,
};

use crate::support::{
    app::{START, TestApp},
    client::{Client, reason},
    database::TestDatabase,
    money::READ,
};

crate::on_both!(
    a_refund_that_the_bank_returns_is_known_within_the_hour,
    a_refund_that_the_bank_returns_is_known_when_it_is_read,
    a_refund_that_the_bank_returns_is_known_when_its_payment_is_read,
    a_refund_made_at_the_dashboard_is_known_within_the_hour,
    a_refund_made_at_the_dashboard_after_weeks_is_known_within_a_day,
    reads_of_what_is_settled_ask_every_five_minutes,
    after_a_back_up_was_restored_a_command_finds_what_was_paid_since,
);

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A payment over 10.67 with a refund that the bank is going to return. Webhooks are lost.
async fn refunded(app: &TestApp, client: &Client) -> (pb::PaymentIntent, String) {
    let paid = client.paid_intent("10.67").await;
    app.process_webhooks().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let refund = client.refund(&paid.payment_id, "10.67").await.unwrap();
    assert_eq!(refund.state(), RefundState::Succeeded);
    (paid, refund.id)
}

async fn stored_refund(client: &Client, id: &str) -> RefundState {
    let all = client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner().refunds;
    all.iter().find(|refund| refund.id == id).unwrap().state()
}

async fn read_refund(client: &Client, id: &str) -> RefundState {
    client.get_refund(pb::GetRefundRequest { id: id.to_owned() }).await.unwrap().into_inner().refund.unwrap().state()
}

/// That the refund is known to have failed, and its amount can be refunded again.
async fn assert_returned(app: &TestApp, client: &Client, paid: &pb::PaymentIntent, refund: &str) {
    assert_eq!(stored_refund(client, refund).await, RefundState::Failed);
    assert!(client.event_types(refund).await.contains(&"refund.failed".to_owned()));
    client.refund(&paid.payment_id, "10.00").await.unwrap();
    app.assert_books_agree(client, &paid.id).await;
}

async fn a_refund_that_the_bank_returns_is_known_within_the_hour(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, refund) = refunded(&app, &client).await;
    app.clock.advance(RETURN_TIME);
    app.sandbox.settle_due();
    app.recover_after(HOUR).await;
    assert_returned(&app, &client, &paid, &refund).await;
}

async fn a_refund_that_the_bank_returns_is_known_when_it_is_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, refund) = refunded(&app, &client).await;
    app.clock.advance(RETURN_TIME);
    app.sandbox.settle_due();
    assert_eq!(read_refund(&client, &refund).await, RefundState::Succeeded, "it was heard of a minute ago");
    app.clock.advance(5 * RETURN_TIME);
    assert_eq!(read_refund(&client, &refund).await, RefundState::Failed);
    assert_returned(&app, &client, &paid, &refund).await;
}

async fn a_refund_that_the_bank_returns_is_known_when_its_payment_is_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, refund) = refunded(&app, &client).await;
    app.clock.advance(6 * RETURN_TIME);
    app.sandbox.settle_due();
    assert_eq!(client.get(&paid.id).await.amount_refunded, "0.00");
    assert_returned(&app, &client, &paid, &refund).await;
}

async fn a_refund_made_at_the_dashboard_is_known_within_the_hour(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    app.process_webhooks().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    app.sandbox.refund_from_dashboard(&paid.id, 600).unwrap();
    app.recover_after(HOUR).await;
    let refused = client.refund(&paid.payment_id, "6.00").await.unwrap_err();
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "6.00");
}

async fn a_refund_made_at_the_dashboard_after_weeks_is_known_within_a_day(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    app.process_webhooks().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let before = app.sent(READ);
    for _ in 0..21 {
        app.recover_after(DAY).await;
    }
    assert_eq!(app.sent(READ) - before, 21, "no more calls than the schedule has");
    app.sandbox.refund_from_dashboard(&paid.id, 600).unwrap();
    app.recover_after(DAY).await;
    let refused = client.refund(&paid.payment_id, "6.00").await.unwrap_err();
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "6.00");
}

async fn reads_of_what_is_settled_ask_every_five_minutes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.paid_intent("10.00").await.id;
    for (seconds, asked) in [(0, 0), (299, 0), (2, 1), (10, 1), (280, 1), (12, 2)] {
        app.clock.advance(Duration::from_secs(seconds));
        client.get(&id).await;
        client.get(&id).await;
        assert_eq!(app.sent(READ), asked, "after {seconds} seconds more");
    }
    app.clock.advance(200 * DAY);
    client.get(&id).await;
    assert_eq!(app.sent(READ), 2, "after half a year its banks have spoken");
}

async fn after_a_back_up_was_restored_a_command_finds_what_was_paid_since(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let older = client.intent("10.00").await.id;
    app.clock.advance(DAY);
    let paid = client.intent("10.00").await.id;
    // Changes after the copy, of which the gateway knows nothing.
    app.sandbox.charge_late(&paid).unwrap();
    app.sandbox.charge_late(&older).unwrap();
    app.recover_after(HOUR).await;

    let operations = OperationAdmin::new(app.database.store().await, app.environment.clone());
    let operator = Operator { user: "jane".to_owned(), host: "bastion".to_owned() };
    let recheck = async |since| operations.recheck(since, &operator, |_| {}).await.unwrap();
    assert_eq!(recheck(START + HOUR).await, 1);
    app.recover_after(Duration::ZERO).await;
    let states = async || {
        let all = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
        all.payment_intents.iter().map(|intent| intent.state()).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [State::Succeeded, State::RequiresConfirmation], "newest first");
    assert_eq!(recheck(START).await, 2);
    app.recover_after(Duration::ZERO).await;
    assert_eq!(states().await, [State::Succeeded; 2]);
    app.assert_books_agree(&client, &paid).await;
    let filter = AuditFilter { actions: vec![AuditAction::OperationRecheck], ..AuditFilter::default() };
    let audited = app.server.app.audit.list(&filter, 1).await.unwrap();
    assert_eq!(audited[0].after.as_deref(), Some(r#"{"since":"2026-11-23T10:00:00Z"}"#));
}
