//! Corefy answers a confirmation wrongly, late or never. The caller learns that the payment is processing; then the
//! outcome is found out, and no money moves twice on the way.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State},
    sandbox::faults::Fault,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    app::{Steps, TestApp},
    client::{APPROVED, Client, reason},
    database::TestDatabase,
    money::{CONFIRM, READ, last_error},
};

crate::on_both!(
    every_unclear_answer_ends_with_the_truth,
    silence_ends_with_the_truth,
    in_doubt_there_is_no_second_attempt_and_no_cancellation,
    a_declined_payment_is_paid_with_another_card,
    an_earlier_decline_is_not_taken_for_the_outcome_in_doubt,
    a_payment_that_corefy_does_not_show_yet_is_not_given_up_too_soon,
    a_word_that_nobody_knows_never_means_that_nothing_was_charged,
    a_late_charge_is_told_by_a_webhook,
    a_late_charge_is_found_when_the_payer_tries_again,
    after_a_week_of_silence_a_person_is_called_and_a_read_still_finds_the_truth,
    what_contradicts_us_is_never_applied,
    a_call_that_lost_its_lease_answers_what_the_other_found,
    a_call_that_lost_its_lease_asks_instead_of_writing,
    two_replicas_look_up_each_payment_once,
    reads_ask_at_most_once_a_second,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
/// Not charged: HTTP 500.
const NOT_CHARGED_500: &str = "4000000000005001";
/// Declined.
const DECLINED: &str = "4000000000009995";

/// Cards whose answers leave the outcome open, and whether they are charged.
const UNCLEAR: [(&str, bool); 7] = [
    ("4000000000004442", true),  // cut
    ("4000000000004996", false), // cut
    (CHARGED_500, true),
    (NOT_CHARGED_500, false),
    ("4000000000004293", false), // 429
    ("4000000000002008", true),  // garbage
    ("4000000000002016", true),  // wrong amount
];
/// Cards that are never answered, and whether they are charged.
const SILENT: [(&str, bool); 2] = [("4000000000004087", false), ("4000000000005043", true)];

/// When it is certain that Corefy never got what it does not show.
const CERTAIN: Duration = Duration::from_secs(120);

/// An intent over 10.00 whose confirmation with `card` is in doubt.
async fn in_doubt(client: &Client, card: &str) -> String {
    let intent = client.intent("10.00").await;
    let confirmed = client.confirm(&intent.id, card).await.unwrap();
    assert_eq!(confirmed.state(), State::Processing, "{card}");
    intent.id
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    (status.code(), reason(&status))
}

/// Lets recovery find the outcome of these payments, and asserts that it does, when, and which events it makes.
async fn assert_truth_is_found(app: &TestApp, client: &Client, payments: &[(String, &str, bool)]) {
    app.recover_after(Duration::from_secs(2)).await;
    for (id, card, is_charged) in payments {
        assert_eq!(find(client, id).await, if *is_charged { State::Succeeded } else { State::Processing }, "{card}");
    }
    app.recover_during(CERTAIN - Duration::from_secs(15)).await;
    for (id, card, _) in payments.iter().filter(|(.., is_charged)| !is_charged) {
        assert_eq!(find(client, id).await, State::Processing, "{card}: not certain yet");
    }
    app.recover_during(Duration::from_secs(15)).await;
    for (id, card, is_charged) in payments {
        let intent = app.assert_books_agree(client, id).await;
        let events = client.event_types(id).await;
        assert!(events.contains(&"operation.in_doubt".to_owned()), "{card}: {events:?}");
        let (state, code, told) = match is_charged {
            true => (State::Succeeded, "", "payment_intent.succeeded"),
            false => (State::RequiresPaymentMethod, "upstream_no_record", "payment_intent.payment_failed"),
        };
        assert_eq!((intent.state(), last_error(&intent)), (state, code), "{card}");
        assert_eq!(events.iter().filter(|event| *event == told).count(), 1, "{card}: {events:?}");
    }
}

/// The intent's state, without the question to Corefy that reading it would cause.
async fn find(client: &Client, id: &str) -> State {
    let all = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap();
    let all = all.into_inner().payment_intents;
    all.iter().find(|intent| intent.id == id).unwrap().state()
}

async fn every_unclear_answer_ends_with_the_truth(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut payments = Vec::new();
    for (card, is_charged) in UNCLEAR {
        payments.push((in_doubt(&client, card).await, card, is_charged));
    }
    assert_truth_is_found(&app, &client, &payments).await;
    assert_eq!(app.sent(CONFIRM), UNCLEAR.len() as u64, "nothing was sent twice");
}

async fn silence_ends_with_the_truth(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let payments = [(client.intent("10.00").await.id, SILENT[0]), (client.intent("10.00").await.id, SILENT[1])];
    let app = app.crash_and_restart_changed(|config| config.upstream.timeout = Duration::from_secs(1)).await;
    let client = app.client().await;
    let [(first, (not_charged, _)), (second, (charged, _))] = &payments;
    // Corefy is asked while the calls wait, too, and shows nothing yet.
    app.sandbox.faults().set(|switches| switches.hide_payments = true);
    let (first, second) = tokio::join!(client.confirm(first, not_charged), client.confirm(second, charged));
    app.sandbox.faults().clear();
    assert_eq!((first.unwrap().state(), second.unwrap().state()), (State::Processing, State::Processing));
    let app = app.crash_and_restart_changed(|config| config.upstream.timeout = Duration::from_secs(10)).await;
    let payments = payments.map(|(id, (card, is_charged))| (id, card, is_charged));
    assert_truth_is_found(&app, &app.client().await, &payments).await;
}

async fn in_doubt_there_is_no_second_attempt_and_no_cancellation(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, NOT_CHARGED_500).await;
    let cancel = || pb::CancelPaymentIntentRequest { payment_intent_id: id.clone(), ..Default::default() };
    let refused = (Code::FailedPrecondition, "ATTEMPT_IN_DOUBT".to_owned());
    assert_eq!(refusal(client.confirm(&id, APPROVED).await), refused);
    assert_eq!(refusal(client.cancel_payment_intent(cancel()).await), refused);
    assert_eq!(app.sent(CONFIRM), 1);
    app.recover_during(CERTAIN).await;
    client.confirm(&id, APPROVED).await.unwrap();
    let paid = (Code::FailedPrecondition, "PAYMENT_INTENT_STATE".to_owned());
    assert_eq!(refusal(client.confirm(&id, APPROVED).await), paid);
    assert_eq!(refusal(client.cancel_payment_intent(cancel()).await), paid);
    app.assert_books_agree(&client, &id).await;
}

async fn a_declined_payment_is_paid_with_another_card(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let declined = client.confirm(&intent.id, DECLINED).await.unwrap();
    assert_eq!((declined.state(), last_error(&declined)), (State::RequiresPaymentMethod, "insufficient_funds"));
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!((paid.state(), last_error(&paid)), (State::Succeeded, ""));
    app.assert_books_agree(&client, &intent.id).await;
}

async fn an_earlier_decline_is_not_taken_for_the_outcome_in_doubt(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (card, end, code) in
        [(NOT_CHARGED_500, State::RequiresPaymentMethod, "upstream_no_record"), (CHARGED_500, State::Succeeded, "")]
    {
        let intent = client.intent("10.00").await;
        client.confirm(&intent.id, DECLINED).await.unwrap();
        app.sandbox.faults().set(|switches| switches.hide_payments = true);
        assert_eq!(client.confirm(&intent.id, card).await.unwrap().state(), State::Processing);
        app.sandbox.faults().clear();
        if end != State::Succeeded {
            assert_eq!(client.get(&intent.id).await.state(), State::Processing, "Corefy shows the decline before");
        }
        app.recover_during(CERTAIN).await;
        let intent = app.assert_books_agree(&client, &intent.id).await;
        assert_eq!((intent.state(), last_error(&intent)), (end, code));
    }
}

async fn a_payment_that_corefy_does_not_show_yet_is_not_given_up_too_soon(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    app.sandbox.faults().set(|switches| switches.hide_payments = true);
    for _ in 0..7 {
        app.recover_after(Duration::from_secs(17)).await;
        assert_eq!(client.get(&id).await.state(), State::Processing);
    }
    assert!(app.sent(READ) > 3, "the misses are enough, the time is not: 119 seconds");
    app.sandbox.faults().clear();
    app.recover_after(Duration::from_secs(1)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
}

async fn a_word_that_nobody_knows_never_means_that_nothing_was_charged(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    app.sandbox.faults().set(|switches| switches.show_unknown_status = true);
    app.recover_during(5 * CERTAIN).await;
    assert_eq!(client.get(&id).await.state(), State::Processing);
    app.sandbox.faults().clear();
    app.recover_during(Duration::from_secs(900)).await;
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
}

/// An intent whose attempt was given up, and then charged after all; its webhook is held.
async fn charged_late(app: &TestApp, client: &Client) -> String {
    app.sandbox.faults().set(|switches| switches.webhooks.hold = true);
    let id = in_doubt(client, NOT_CHARGED_500).await;
    app.recover_during(CERTAIN).await;
    assert_eq!(client.get(&id).await.state(), State::RequiresPaymentMethod);
    app.sandbox.charge_late(&id).unwrap();
    id
}

async fn a_late_charge_is_told_by_a_webhook(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = charged_late(&app, &client).await;
    app.sandbox.deliver_held();
    app.process_webhooks().await;
    app.assert_books_agree(&client, &id).await;
    let events = client.event_types(&id).await;
    assert!(events.ends_with(&["payment_intent.late_success".to_owned(), "payment_intent.succeeded".to_owned()]));
}

async fn a_late_charge_is_found_when_the_payer_tries_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = charged_late(&app, &client).await;
    assert_eq!(refusal(client.confirm(&id, APPROVED).await).1, "PAYMENT_INTENT_STATE", "Corefy is asked first");
    app.assert_books_agree(&client, &id).await;
    assert!(client.event_types(&id).await.contains(&"payment_intent.late_success".to_owned()));
}

async fn after_a_week_of_silence_a_person_is_called_and_a_read_still_finds_the_truth(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.retry_count = 0).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::Http(503));
    let called = "operation.needs_operator".to_owned();
    for _ in 0..7 {
        app.recover_after(Duration::from_secs(23 * 3600)).await;
    }
    assert!(!client.event_types(&id).await.contains(&called));
    for _ in 0..3 {
        app.recover_after(Duration::from_secs(24 * 3600)).await;
    }
    assert_eq!(client.event_types(&id).await.iter().filter(|event| **event == called).count(), 1);
    assert_eq!(client.get(&id).await.state(), State::Processing);
    app.sandbox.faults().clear();
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
}

async fn what_contradicts_us_is_never_applied(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::WrongAmount);
    app.recover_during(CERTAIN).await;
    let intent = client.get(&id).await;
    assert_eq!((intent.state(), intent.amount_received.as_str()), (State::Processing, "0.00"));
    let events = client.event_types(&id).await;
    let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
    assert_eq!((count("payment_intent.orphan_charge"), count("operation.needs_operator")), (1, 1), "{events:?}");
    app.sandbox.faults().clear();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(app.assert_books_agree(&client, &id).await.state(), State::Succeeded);
}

/// A confirmation with `card` whose lease is over before its answer is written, while a replica looks it up. Returns
/// the app, the intent's id, and the state in the caller's answer.
async fn overtaken(database: TestDatabase, card: &'static str, hide_payments: bool) -> (TestApp, String, State) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::new();
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, confirmed) = (app.client().await, id.clone());
    let slow = tokio::spawn(async move { client.confirm(&confirmed, card).await });
    steps.reached().await; // reserved
    steps.go_on();
    steps.reached().await; // answered, and nothing of it is written

    let replica = app.replica().await;
    app.sandbox.faults().set(|switches| switches.hide_payments = hide_payments);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(replica.app.payments.recover().await.unwrap(), 1);
    app.sandbox.faults().clear();
    for _ in [Checkpoint::Answered, Checkpoint::Settled] {
        steps.go_on();
    }
    let told = slow.await.unwrap().unwrap().state();
    (app, id, told)
}

async fn a_call_that_lost_its_lease_answers_what_the_other_found(database: TestDatabase) {
    let (app, id, told) = overtaken(database, CHARGED_500, false).await;
    assert_eq!(told, State::Succeeded, "the caller's own call knows nothing but HTTP 500");
    let client = app.client().await;
    app.assert_books_agree(&client, &id).await;
    assert!(!client.event_types(&id).await.contains(&"operation.in_doubt".to_owned()));
}

async fn a_call_that_lost_its_lease_asks_instead_of_writing(database: TestDatabase) {
    let (app, id, told) = overtaken(database, APPROVED, true).await;
    let client = app.client().await;
    assert_eq!((told, find(&client, &id).await), (State::Succeeded, State::Succeeded));
    assert!(app.sent(READ) >= 2, "the truth came by asking: {}", app.sent(READ));
    app.assert_books_agree(&client, &id).await;
}

async fn two_replicas_look_up_each_payment_once(database: TestDatabase) {
    const PAYMENTS: u64 = 6;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..PAYMENTS {
        in_doubt(&client, CHARGED_500).await;
    }
    let replica = app.replica().await;
    app.clock.advance(Duration::from_secs(2));
    let (ours, theirs) = tokio::join!(app.server.app.payments.recover(), replica.app.payments.recover());
    assert_eq!(ours.unwrap() + theirs.unwrap(), PAYMENTS as usize);
    assert_eq!(app.sent(READ), PAYMENTS);
}

async fn reads_ask_at_most_once_a_second(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, NOT_CHARGED_500).await;
    let read_often = || async {
        let reads: JoinSet<_> =
            (0..5).map(|_| (client.clone(), id.clone())).map(|(c, id)| async move { c.get(&id).await }).collect();
        reads.join_all().await;
        app.sent(READ)
    };
    assert_eq!(read_often().await, 1);
    app.clock.advance(Duration::from_millis(999));
    assert_eq!(read_often().await, 1);
    app.clock.advance(Duration::from_millis(2));
    assert_eq!(read_often().await, 2);
}
