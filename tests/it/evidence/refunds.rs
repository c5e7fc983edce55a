//! Refunds that Corefy reports incompletely, or without their references.

use std::time::Duration;

use corefy_gateway::{
    pb::RefundState,
    sandbox::faults::{Fault, ShownRefunds},
};

use super::{CERTAIN, LONG, failure, refund, refused, stored_refund};
use crate::support::{
    app::TestApp,
    client::Client,
    database::TestDatabase,
    money::{READ, REFUND},
};

crate::on_both!(
    from_a_list_that_is_missing_or_short_nothing_is_concluded,
    a_refund_that_has_lost_its_reference_is_ours,
    two_refunds_that_have_lost_their_references_are_left_to_a_person,
    one_of_two_that_has_lost_its_reference_is_nobodys,
);

/// Made, although the answer says HTTP 500; and not made.
const MADE: Fault = Fault::HttpAfterExecute(500);
const NOT_MADE: Fault = Fault::Http(500);

async fn state(client: &Client, id: &str) -> RefundState {
    stored_refund(client, id).await.state()
}

async fn from_a_list_that_is_missing_or_short_nothing_is_concluded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    for shown in [ShownRefunds::SumOnly, ShownRefunds::SumAndEmptyList] {
        let paid = client.paid_intent("10.00").await;
        app.sandbox.faults().set(|switches| switches.shown_refunds = shown);
        let made = refund(&app, &client, &paid.payment_id, "4.00", MADE).await;
        let not_made = refund(&app, &client, &paid.payment_id, "3.00", NOT_MADE).await;
        let asked = app.sent(READ);
        app.recover_during(5 * CERTAIN).await;
        assert!(app.sent(READ) - asked > 4, "{shown:?}: Corefy was asked {} times", app.sent(READ) - asked);
        for id in [&made, &not_made] {
            assert_eq!(state(&client, id).await, RefundState::Pending, "{shown:?}");
        }
        assert_eq!(refused(client.refund(&paid.payment_id, "3.01").await), "REFUND_EXCEEDS_PAYMENT");

        app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
        for _ in 0..3 {
            app.recover_after(LONG).await;
        }
        assert_eq!(state(&client, &made).await, RefundState::Succeeded, "{shown:?}");
        let absent = stored_refund(&client, &not_made).await;
        assert_eq!((absent.state(), failure(&absent)), (RefundState::Failed, "upstream_no_record"), "{shown:?}");
        assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00", "{shown:?}");
    }
    assert_eq!(app.sent(REFUND), 4, "nothing was sent twice");
}

async fn a_refund_that_has_lost_its_reference_is_ours(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| {
        switches.webhooks.loss_percent = 100;
        switches.shown_refunds = ShownRefunds::WithoutReferences;
    });
    let paid = client.paid_intent("10.00").await;
    let ours = refund(&app, &client, &paid.payment_id, "4.00", MADE).await;
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(state(&client, &ours).await, RefundState::Succeeded);
    // Another of the same amount is another, for the first is known by Corefy's id now.
    let lost = refund(&app, &client, &paid.payment_id, "4.00", NOT_MADE).await;
    app.recover_during(CERTAIN).await;
    assert_eq!(failure(&stored_refund(&client, &lost).await), "upstream_no_record");
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00", "its room is taken once");
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "6.00");
    app.assert_books_agree(&client, &paid.id).await;
}

/// Two refunds of 4.00 of a payment over 10.00, both in doubt, while Corefy reports no references.
async fn two_in_doubt(app: &TestApp, client: &Client, faults: [Fault; 2]) -> (String, String, [String; 2]) {
    app.sandbox.faults().set(|switches| {
        switches.webhooks.loss_percent = 100;
        switches.shown_refunds = ShownRefunds::WithoutReferences;
    });
    let paid = client.paid_intent("10.00").await;
    let payment = &paid.payment_id;
    let first = refund(app, client, payment, "4.00", faults[0]).await;
    let second = refund(app, client, payment, "4.00", faults[1]).await;
    app.recover_during(5 * CERTAIN).await;
    for id in [&first, &second] {
        let pending = stored_refund(client, id).await;
        assert_eq!((pending.state(), pending.upstream_id.as_str()), (RefundState::Pending, ""), "nobody is bound");
    }
    assert_eq!(refused(client.refund(payment, "2.01").await), "REFUND_EXCEEDS_PAYMENT");
    let told = client.event_types(&paid.id).await;
    assert_eq!(told.iter().filter(|event| *event == "payment_intent.orphan_charge").count(), 1, "{told:?}");
    for id in [&first, &second] {
        let told = client.event_types(id).await;
        assert_eq!(told.iter().filter(|event| *event == "operation.needs_operator").count(), 1, "{told:?}");
    }
    app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(2));
        client.get(&paid.id).await; // what is left to a person is asked about only when somebody asks
    }
    (paid.id, paid.payment_id, [first, second])
}

async fn two_refunds_that_have_lost_their_references_are_left_to_a_person(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (id, payment, refunds) = two_in_doubt(&app, &client, [MADE, MADE]).await;
    for refund in &refunds {
        assert_eq!(state(&client, refund).await, RefundState::Succeeded, "Corefy tells references again");
    }
    assert_eq!(refused(client.refund(&payment, "2.01").await), "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(app.assert_books_agree(&client, &id).await.amount_refunded, "8.00");
}

async fn one_of_two_that_has_lost_its_reference_is_nobodys(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (id, payment, [not_made, made]) = two_in_doubt(&app, &client, [NOT_MADE, MADE]).await;
    assert_eq!(state(&client, &made).await, RefundState::Succeeded);
    assert_eq!(failure(&stored_refund(&client, &not_made).await), "upstream_no_record");
    assert_eq!(client.refund(&payment, "").await.unwrap().amount, "6.00");
    assert_eq!(app.assert_books_agree(&client, &id).await.amount_refunded, "10.00");
}
