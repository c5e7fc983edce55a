//! Attempts to pay whose outcome Corefy reports badly, or that something else seems to report.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{PaymentIntentState as State, RefundState},
    sandbox::faults::{Fault, ShownTime},
};
use tokio::time::timeout;

use super::{CERTAIN, DECLINED, LONG, attempt, refund, refused, stored, stored_refund};
use crate::support::{
    app::{Steps, TestApp},
    client::{APPROVED, confirmation, keyed, new_customer, new_intent, new_refund},
    database::TestDatabase,
    money::{CONFIRM, READ, REFUND, last_error},
};

crate::on_both!(
    an_answer_with_a_word_that_nobody_knows_leaves_no_room_for_a_second_attempt,
    what_a_proxy_cannot_find_is_not_absent,
    what_corefy_issued_and_does_not_show_is_not_absent,
    a_conflict_is_no_proof_that_nothing_was_done,
    credentials_that_are_wrong_leave_the_keys_unused,
    the_decline_of_a_first_attempt_is_found_however_badly_corefy_tells_the_time,
    an_outcome_that_could_not_be_written_is_written_when_the_database_is_back,
);

/// Charged, or made, although the answer says HTTP 500.
const LOST: Fault = Fault::HttpAfterExecute(500);

async fn an_answer_with_a_word_that_nobody_knows_leaves_no_room_for_a_second_attempt(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.intent("10.00").await.id;
    app.sandbox.faults().set(|switches| (switches.show_unknown_status, switches.charge_again) = (true, true));
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing);
    for _ in 0..20 {
        app.recover_after(Duration::from_secs(180)).await;
        assert_eq!(client.get(&id).await.state(), State::Processing);
        assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");
    }
    assert!(app.sent(READ) > 10, "Corefy was asked {} times", app.sent(READ));
    app.sandbox.faults().set(|switches| switches.show_unknown_status = false);
    app.recover_after(LONG).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    assert_eq!((app.sent(CONFIRM), app.sandbox.ledger().charged(&id)), (1, 1000));
    app.assert_books_agree(&client, &id).await;
}

async fn what_a_proxy_cannot_find_is_not_absent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let id = attempt(&app, &client, APPROVED, LOST).await;
    let refund = refund(&app, &client, &paid.payment_id, "4.00", LOST).await;
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::NoRoute);
    app.recover_during(5 * CERTAIN).await;
    assert!(app.sent(READ) >= 8, "Corefy was asked {} times", app.sent(READ));
    assert_eq!(client.get(&id).await.state(), State::Processing);
    assert_eq!(stored_refund(&client, &refund).await.state(), RefundState::Pending);
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");
    app.sandbox.faults().clear();
    // By then Corefy is left alone: the first look is the probe that ends this.
    app.recover_after(LONG).await;
    app.recover_after(LONG).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    app.assert_books_agree(&client, &id).await;
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00");
}

async fn what_corefy_issued_and_does_not_show_is_not_absent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = attempt(&app, &client, APPROVED, LOST).await;
    app.sandbox.faults().set(|switches| switches.hide_payments = true);
    for _ in 0..20 {
        app.recover_after(Duration::from_secs(180)).await;
        assert_eq!(client.get(&id).await.state(), State::Processing);
    }
    assert!(app.sent(READ) > 10, "Corefy was asked {} times", app.sent(READ));
    app.sandbox.faults().clear();
    app.recover_after(LONG).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    app.assert_books_agree(&client, &id).await;
}

async fn a_conflict_is_no_proof_that_nothing_was_done(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let id = attempt(&app, &client, APPROVED, Fault::HttpAfterExecute(409)).await;
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    let payment = client.get(&id).await.payment_id;
    refund(&app, &client, &payment, "6.00", Fault::HttpAfterExecute(409)).await;
    assert_eq!(refused(client.refund(&payment, "6.00").await), "REFUND_EXCEEDS_PAYMENT");
    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.amount_refunded, "6.00");
    assert_eq!((app.sent(CONFIRM), app.sent(REFUND)), (1, 1));
}

async fn credentials_that_are_wrong_leave_the_keys_unused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (intent, paid) = (client.intent("10.00").await, client.paid_intent("10.00").await);
    let right = app.config().upstream.api_key.clone();
    let wrong = "a secret key that Corefy does not know".into();
    let app = app.crash_and_restart_changed(|config| config.upstream.api_key = wrong).await;
    let client = app.client().await;
    let refusals = [
        client.create_payment_intent(keyed("create", new_intent("10.00"))).await.map(drop),
        client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, APPROVED))).await.map(drop),
        client.create_refund(keyed("refund", new_refund(&paid.payment_id, "4.00"))).await.map(drop),
        client.create_customer(keyed("customer", new_customer())).await.map(drop),
    ];
    for refusal in refusals {
        assert_eq!(refused(refusal), "UPSTREAM_MISCONFIGURED");
    }
    let app = app.crash_and_restart_changed(|config| config.upstream.api_key = right).await;
    let client = app.client().await;
    client.create_payment_intent(keyed("create", new_intent("10.00"))).await.unwrap();
    client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, APPROVED))).await.unwrap();
    client.create_refund(keyed("refund", new_refund(&paid.payment_id, "4.00"))).await.unwrap();
    client.create_customer(keyed("customer", new_customer())).await.unwrap();
    app.assert_books_agree(&client, &intent.id).await;
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.00");
}

async fn the_decline_of_a_first_attempt_is_found_however_badly_corefy_tells_the_time(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for shown_time in [ShownTime::WholeSeconds, ShownTime::Missing] {
        app.sandbox.faults().set(|switches| switches.shown_time = shown_time);
        app.clock.advance(Duration::from_millis(1100));
        let id = attempt(&app, &client, DECLINED, LOST).await;
        app.recover_during(CERTAIN).await;
        let declined = client.get(&id).await;
        let told = (declined.state(), last_error(&declined));
        assert_eq!(told, (State::RequiresPaymentMethod, "insufficient_funds"), "{shown_time:?}");
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded, "{shown_time:?}");
        app.assert_books_agree(&client, &id).await;
    }
}

async fn an_outcome_that_could_not_be_written_is_written_when_the_database_is_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::at(&[Checkpoint::Answered, Checkpoint::Settled]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, confirmed) = (app.client().await, id.clone());
    let call = tokio::spawn(async move { client.confirm(&confirmed, APPROVED).await });
    steps.reached().await; // answered
    app.database.execute("ALTER TABLE payment_intents RENAME TO away").await;
    steps.go_on();
    let is_settled = timeout(Duration::from_millis(150), steps.reached()).await;
    assert!(is_settled.is_err(), "the call did not try again");
    app.database.execute("ALTER TABLE away RENAME TO payment_intents").await;
    steps.reached().await; // settled
    steps.go_on();
    assert_eq!(call.await.unwrap().unwrap().state(), State::Succeeded);
    assert_eq!(stored(&app.client().await, &id).await, State::Succeeded);
    assert_eq!(app.sent(READ), 0, "nobody had to ask");
}
