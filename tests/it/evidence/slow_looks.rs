//! A look whose answer is older than it seems: Corefy was asked long before the gateway could go on, or showed an earlier state.
//! Nothing is absent by such an answer, and an attempt has not begun by the one before it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use corefy_gateway::{
    app::Checkpoint,
    domain::operation::LEASE,
    pb::{PaymentIntentState as State, RefundState},
    sandbox::faults::{Fault, ShownRefunds},
};
use reqwest::Method;

use super::{CERTAIN, CHALLENGE, attempt, refund, refused, stored, stored_refund};
use crate::support::{
    app::{Steps, TestApp},
    between::{Between, PassedAnswer},
    client::{APPROVED, Client},
    database::TestDatabase,
    money::{CONFIRM, REFUND},
};

crate::on_both!(
    an_attempt_that_arrives_while_its_look_is_slow_is_not_given_up,
    a_refund_that_arrives_while_its_look_is_slow_makes_no_room_for_another,
    the_attempt_before_is_not_taken_for_the_attempt_in_doubt,
);

/// The waits until the first three looks at an operation in doubt; the fourth is the next that may give it up.
const CLEAN_LOOKS: [u64; 3] = [2, 3, 10];
/// The wait from the third look to the fourth.
const TO_THE_FOURTH: Duration = Duration::from_secs(30);
/// How long the fourth look takes: when it is over, the operation is old enough to be given up.
const SLOW: Duration = Duration::from_secs(100);

/// Longer than any wait between two looks at what began some minutes ago.
const POLLED: Duration = Duration::from_secs(60);
/// The wait from the look at the end of a lease to the next.
const NEXT_LOOK: Duration = Duration::from_secs(10);

/// A gateway with a proxy between it and Corefy.
async fn behind(database: TestDatabase) -> (TestApp, Between) {
    let between = Between::start().await;
    let app = TestApp::start_with(database, None, |config| between.stand_in(config)).await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    (app, between)
}

/// Has the next look be slow: once Corefy has answered it, `arrive` happens, and the answer comes long after that.
fn slow_down(app: &TestApp, between: &Between, arrive: impl Fn() + Send + 'static) {
    let (clock, mut is_next) = (app.clock.clone(), true);
    between.change(move |method, _, _| {
        if method == Method::GET && std::mem::take(&mut is_next) {
            arrive();
            clock.advance(SLOW);
        }
        None
    });
}

async fn look_cleanly(app: &TestApp) {
    for wait in CLEAN_LOOKS {
        app.recover_after(Duration::from_secs(wait)).await;
    }
}

async fn an_attempt_that_arrives_while_its_look_is_slow_is_not_given_up(database: TestDatabase) {
    let (app, between) = behind(database).await;
    let client = app.client().await;
    let id = attempt(&app, &client, APPROVED, Fault::Http(500)).await;
    look_cleanly(&app).await;
    let (sandbox, late) = (app.sandbox.clone(), id.clone());
    slow_down(&app, &between, move || sandbox.charge_late(&late).unwrap());
    app.clock.advance(TO_THE_FOURTH);
    app.server.app.payments.recover().await.unwrap();
    assert_eq!(stored(&client, &id).await, State::Processing, "its age when Corefy was asked counts");
    app.recover_after(POLLED).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    assert_eq!((app.sent(CONFIRM), app.sandbox.ledger().charged(&id)), (1, 1000));
    assert!(!client.event_types(&id).await.contains(&"payment_intent.late_success".to_owned()));
}

async fn a_refund_that_arrives_while_its_look_is_slow_makes_no_room_for_another(database: TestDatabase) {
    let (app, between) = behind(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    app.sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::None);
    let id = refund(&app, &client, &paid.payment_id, "6.00", Fault::HttpAfterExecute(500)).await;
    look_cleanly(&app).await;
    let sandbox = app.sandbox.clone();
    slow_down(&app, &between, move || {
        sandbox.faults().set(|switches| switches.shown_refunds = ShownRefunds::All);
    });
    app.clock.advance(TO_THE_FOURTH);
    app.server.app.payments.recover().await.unwrap();
    assert_eq!(stored_refund(&client, &id).await.state(), RefundState::Pending, "its age when Corefy was asked counts");
    assert_eq!(refused(client.refund(&paid.payment_id, "6.00").await), "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(app.sent(REFUND), 1);
    app.recover_after(POLLED).await;
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "6.00");
}

/// An answer of Corefy to a look.
type Kept = Arc<Mutex<Option<PassedAnswer>>>;

/// Keeps the last answer to a look from now on.
fn keep(between: &Between) -> Kept {
    let kept = Kept::default();
    let last = kept.clone();
    between.change(move |method, _, answer| {
        if method == Method::GET {
            *last.lock().unwrap() = Some(answer.clone());
        }
        None
    });
    kept
}

/// Has looks answered by what was kept.
fn show(between: &Between, kept: Kept) {
    between.change(move |method, _, _| kept.lock().unwrap().clone().filter(|_| method == Method::GET));
}

/// An intent whose attempt waited for its payer, and failed: the answer of then.
async fn failed_attempt(app: &TestApp, between: &Between, client: &Client) -> (String, Kept) {
    let id = client.intent("10.00").await.id;
    assert_eq!(client.confirm(&id, CHALLENGE).await.unwrap().state(), State::RequiresAction);
    let kept = keep(between);
    app.recover_after(POLLED).await;
    between.step_back();
    assert!(kept.lock().unwrap().is_some(), "Corefy was asked");
    app.sandbox.complete_action(&id, false).unwrap();
    app.recover_after(POLLED).await;
    assert_eq!(stored(client, &id).await, State::RequiresPaymentMethod);
    (id, kept)
}

async fn the_attempt_before_is_not_taken_for_the_attempt_in_doubt(database: TestDatabase) {
    let (app, between) = behind(database).await;
    let (id, kept) = failed_attempt(&app, &between, &app.client().await).await;
    let (steps, probe) = Steps::at(&[Checkpoint::Reserved]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, caller, confirmed) = (app.client().await, app.client().await, id.clone());
    let second = tokio::spawn(async move { caller.confirm(&confirmed, APPROVED).await });
    steps.reached().await;

    show(&between, kept);
    app.recover_after(LEASE).await; // its call is frozen: the lease is over
    between.step_back();
    app.recover_after(NEXT_LOOK).await;
    assert_eq!(stored(&client, &id).await, State::Processing, "the attempt before failed, and not this one");
    assert_eq!(refused(client.confirm(&id, APPROVED).await), "ATTEMPT_IN_DOUBT");

    steps.go_on();
    second.await.unwrap().unwrap();
    app.recover_after(CERTAIN).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&id), 1000);
    app.assert_books_agree(&client, &id).await;
}
