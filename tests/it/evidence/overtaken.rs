//! A call that is overtaken: by the webhook about it, or by recovery after its lease. No second attempt runs beside it,
//! and it says nothing of the attempt after it.

use std::{sync::Arc, time::Duration};

use corefy_gateway::{
    app::Checkpoint,
    pb::{PaymentIntent, PaymentIntentState as State},
};
use tokio::task::JoinHandle;
use tonic::Status;

use super::{DECLINED, refused, stored};
use crate::support::{
    app::{Steps, TestApp},
    client::APPROVED,
    database::TestDatabase,
    money::CONFIRM,
};

crate::on_both!(
    a_webhook_ends_the_attempt_before_its_call_and_makes_no_room_for_another,
    a_call_that_lost_its_lease_says_nothing_of_the_attempt_after_it,
);

/// A call that runs beside the test.
type Running = JoinHandle<Result<PaymentIntent, Status>>;

async fn confirm(app: &TestApp, id: &str, card: &'static str) -> Running {
    let (client, id) = (app.client().await, id.to_owned());
    tokio::spawn(async move { client.confirm(&id, card).await })
}

async fn told(call: Running) -> State {
    call.await.unwrap().unwrap().state()
}

/// An intent, and a call that confirms it with a card that is declined: Corefy has answered, and nothing is written.
async fn answered(database: TestDatabase) -> (TestApp, Arc<Steps>, String, Running) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::at(&[Checkpoint::Reserved, Checkpoint::Answered]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    app.sandbox.faults().set(|switches| switches.charge_again = true);
    let first = confirm(&app, &id, DECLINED).await;
    steps.reached().await; // reserved
    steps.go_on();
    steps.reached().await; // answered
    (app, steps, id, first)
}

async fn a_webhook_ends_the_attempt_before_its_call_and_makes_no_room_for_another(database: TestDatabase) {
    let (app, steps, id, first) = answered(database).await;
    let client = app.client().await;
    app.process_webhooks().await;
    assert_eq!(stored(&client, &id).await, State::RequiresPaymentMethod);
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");
    assert_eq!(app.sent(CONFIRM), 1);
    steps.go_on();
    assert_eq!(told(first).await, State::RequiresPaymentMethod);
    let second = confirm(&app, &id, APPROVED).await;
    for _ in [Checkpoint::Reserved, Checkpoint::Answered] {
        steps.reached().await;
        steps.go_on();
    }
    assert_eq!(told(second).await, State::Succeeded);
    assert_eq!((app.sent(CONFIRM), app.sandbox.ledger().charged(&id)), (2, 1000));
    app.assert_books_agree(&client, &id).await;
}

async fn a_call_that_lost_its_lease_says_nothing_of_the_attempt_after_it(database: TestDatabase) {
    let (app, steps, id, first) = answered(database).await;
    let client = app.client().await;
    app.recover_after(Duration::from_secs(60)).await; // the first call's lease is over
    assert_eq!(stored(&client, &id).await, State::RequiresPaymentMethod);
    let second = confirm(&app, &id, APPROVED).await;
    steps.reached().await; // the second is reserved
    assert_eq!(stored(&client, &id).await, State::Processing);

    steps.go_on(); // the first, which knows of a decline
    assert_eq!(told(first).await, State::RequiresPaymentMethod, "its own outcome, as every repetition is told");
    app.process_webhooks().await; // the webhook of the first's decline
    app.recover_after(Duration::from_secs(1)).await;
    assert_eq!(stored(&client, &id).await, State::Processing);
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");

    steps.go_on();
    steps.reached().await; // the second is answered
    steps.go_on();
    assert_eq!(told(second).await, State::Succeeded);
    assert_eq!((app.sent(CONFIRM), app.sandbox.ledger().charged(&id)), (2, 1000));
    let events = client.event_types(&id).await;
    assert_eq!(events.iter().filter(|event| *event == "payment_intent.payment_failed").count(), 1, "{events:?}");
    app.assert_books_agree(&client, &id).await;
}
