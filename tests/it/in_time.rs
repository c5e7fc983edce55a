//! The outcome is known in time, whichever process dies: what Corefy carried out is known within 20 seconds, what it
//! did not carry out within three minutes. A repeated call gets the same answer.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    domain::operation::LEASE,
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::faults::Fault,
};
use prost::Message as _;

use crate::support::{
    app::{Steps, TestApp, dies_at, until},
    client::{APPROVED, Client, confirmation, keyed, new_refund, reason},
    database::TestDatabase,
    money::{CONFIRM, READ, REFUND, last_error},
};

crate::on_both!(
    what_was_carried_out_is_known_within_20_seconds_though_recovery_is_killed_twice,
    what_was_not_carried_out_is_known_within_three_minutes_though_recovery_is_killed_twice,
    what_was_not_carried_out_is_known_within_three_minutes_though_corefy_answers_429,
    what_was_not_carried_out_and_never_answered_is_known_within_three_minutes,
    what_was_carried_out_and_is_not_answered_is_known_while_its_call_waits,
    a_lease_holds_as_long_as_it_is_renewed,
    there_is_no_second_attempt_while_the_call_of_the_first_may_be_under_way,
    a_repeated_call_gets_the_first_answer_though_recovery_was_killed,
    a_repeated_call_gets_the_first_answer_though_corefy_cannot_be_asked,
    what_a_webhook_told_during_the_call_is_its_answer_for_ever,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
/// Declined.
const DECLINED: &str = "4000000000009995";
/// Never answered: not charged, and charged.
const SILENT: &str = "4000000000004087";
const CHARGED_SILENT: &str = "4000000000005043";

const SECOND: Duration = Duration::from_secs(1);
/// How late what was carried out may be known, and what was not, in seconds.
const CARRIED_OUT: u64 = 20;
const NOT_CARRIED_OUT: u64 = 180;

/// A payment that was confirmed and another that was refunded by calls which died at `at`. Webhooks are lost.
async fn died(database: TestDatabase, at: Checkpoint) -> (TestApp, String, pb::PaymentIntent) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (intent, paid) = (client.intent("50.00").await.id, client.paid_intent("30.00").await);
    app.process_webhooks().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let (probe, deaths) = dies_at(at);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    tokio::select! {
        _ = async { tokio::join!(
            client.confirm_payment_intent(keyed("confirm", confirmation(&intent, APPROVED))),
            client.create_refund(keyed("refund", new_refund(&paid.payment_id, "10.00"))),
        ) } => panic!("a call did not die"),
        all_died = deaths.acquire_many(2) => all_died.unwrap().forget(),
    }
    (app.crash_and_restart().await, intent, paid)
}

/// The states of the intent and of the only refund, by what is stored.
async fn stored(client: &Client, id: &str) -> (State, RefundState) {
    let intents = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    let refunds = client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner().refunds;
    let intent = intents.payment_intents.iter().find(|intent| intent.id == id).unwrap();
    (intent.state(), refunds[0].state())
}

/// Claims whatever is due, and dies of it. Returns the number of operations.
async fn recovery_is_killed(app: &TestApp) -> usize {
    let now = app.clock.now();
    app.database.store().await.claim_due_operations(now, now + LEASE, 8).await.unwrap().len()
}

/// Turns the clock second by second, with recovery that is killed the first `kills` times it has something to do, until the
/// intent and the refund are as they should be. Returns the seconds.
async fn seconds_until(app: &TestApp, id: &str, end: (State, RefundState), mut kills: u32) -> u64 {
    let client = app.client().await;
    for second in 0..600 {
        if kills > 0 && recovery_is_killed(app).await > 0 {
            kills -= 1;
        } else {
            app.recover_after(Duration::ZERO).await;
        }
        if stored(&client, id).await == end {
            return second;
        }
        app.clock.advance(SECOND);
    }
    panic!("the truth did not come");
}

async fn what_was_carried_out_is_known_within_20_seconds_though_recovery_is_killed_twice(database: TestDatabase) {
    let (app, intent, paid) = died(database, Checkpoint::Answered).await;
    let seconds = seconds_until(&app, &intent, (State::Succeeded, RefundState::Succeeded), 2).await;
    assert!(seconds <= CARRIED_OUT, "{seconds} seconds");
    let client = app.client().await;
    app.assert_books_agree(&client, &intent).await;
    app.assert_books_agree(&client, &paid.id).await;
    assert_eq!((app.sent(CONFIRM), app.sent(REFUND)), (2, 1), "one of the confirmations paid what is refunded");
}

async fn what_was_not_carried_out_is_known_within_three_minutes_though_recovery_is_killed_twice(
    database: TestDatabase,
) {
    let (app, intent, _) = died(database, Checkpoint::Reserved).await;
    let seconds = seconds_until(&app, &intent, (State::RequiresPaymentMethod, RefundState::Failed), 2).await;
    assert!((120..=NOT_CARRIED_OUT).contains(&seconds), "{seconds} seconds");
    assert_eq!((app.sandbox.ledger().charged(&intent), app.sent(REFUND)), (0, 0));
}

async fn what_was_not_carried_out_is_known_within_three_minutes_though_corefy_answers_429(database: TestDatabase) {
    let (app, intent, _) = died(database, Checkpoint::Reserved).await;
    let app = app.crash_and_restart_changed(|config| config.upstream.retry_count = 0).await;
    // Two payments are asked about: the third look at each, and that at two minutes.
    for second in 0..=NOT_CARRIED_OUT {
        if [14, 119].contains(&second) {
            app.sandbox.faults().fail_next(2, READ.0, READ.1, Fault::Http(429));
        }
        app.recover_after(SECOND).await;
    }
    let known = stored(&app.client().await, &intent).await;
    assert_eq!(known, (State::RequiresPaymentMethod, RefundState::Failed));
}

/// A confirmation with `card` that ends 30 seconds after it was sent, by a gateway whose lease ends after one second of
/// ours.
async fn timed_out(database: TestDatabase, card: &'static str) -> (TestApp, String) {
    let (steps, probe) = Steps::at(&[Checkpoint::Answered]);
    let app = TestApp::start_with(database, Some(probe), |_| {}).await;
    let client = app.client().await;
    let creation = {
        let client = client.clone();
        tokio::spawn(async move { client.intent("10.00").await.id })
    };
    steps.reached().await;
    steps.go_on();
    let id = creation.await.unwrap();
    let (steps, probe) = Steps::at(&[Checkpoint::Answered]);
    let app = app.crash_and_restart_changed(|config| config.upstream.timeout = SECOND).await;
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, confirmed) = (app.client().await, id.clone());
    let call = tokio::spawn(async move { client.confirm(&confirmed, card).await });
    steps.reached().await;
    app.clock.advance(Duration::from_secs(30));
    steps.go_on();
    assert_eq!(call.await.unwrap().unwrap().state(), State::Processing);
    (app.crash_and_restart_changed(|config| config.upstream.timeout = Duration::from_secs(10)).await, id)
}

async fn what_was_not_carried_out_and_never_answered_is_known_within_three_minutes(database: TestDatabase) {
    let (app, id) = timed_out(database, SILENT).await;
    let client = app.client().await;
    let mut seconds = 30;
    while client
        .list_payment_intents(pb::ListPaymentIntentsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .payment_intents[0]
        .state()
        == State::Processing
    {
        app.recover_after(SECOND).await;
        seconds += 1;
        assert!(seconds <= NOT_CARRIED_OUT, "not known after {seconds} seconds");
    }
    assert!(seconds >= 120, "certain after {seconds} seconds only");
    assert_eq!(last_error(&client.get(&id).await), "upstream_no_record");
}

async fn what_was_carried_out_and_is_not_answered_is_known_while_its_call_waits(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let id = app.client().await.intent("10.00").await.id;
    // Half of it later, Corefy is asked.
    let app = app.crash_and_restart_changed(|config| config.upstream.timeout = Duration::from_secs(6)).await;
    let client = app.client().await;
    let call = {
        let (client, id) = (client.clone(), id.clone());
        tokio::spawn(
            async move { client.confirm_payment_intent(keyed("confirm", confirmation(&id, CHARGED_SILENT))).await },
        )
    };
    until("the payment is known to be paid", async || {
        client.event_types(&id).await.contains(&"payment_intent.succeeded".to_owned())
    })
    .await;
    assert!(!call.is_finished(), "its call waits for the answer still");
    let told = call.await.unwrap().unwrap().into_inner().payment_intent.unwrap();
    assert_eq!(told.state(), State::Succeeded);
    assert!(!client.event_types(&id).await.contains(&"operation.in_doubt".to_owned()));
    assert_eq!(replay(&client, &id, CHARGED_SILENT).await, told.encode_to_vec());
    app.assert_books_agree(&client, &id).await;
}

async fn a_lease_holds_as_long_as_it_is_renewed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::at(&[Checkpoint::Reserved]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let other = app.database.store().await;
    let claim = async || {
        let now = app.clock.now();
        other.claim_due_operations(now, now + LEASE, 8).await.unwrap().len()
    };
    let (client, confirmed) = (app.client().await, id.clone());
    let call = tokio::spawn(async move { client.confirm(&confirmed, APPROVED).await });
    steps.reached().await;
    assert_eq!(app.server.app.payments.renew_leases().await.unwrap(), 0, "it has just been taken");
    for _ in 0..3 {
        app.clock.advance(LEASE - SECOND);
        assert_eq!(app.server.app.payments.renew_leases().await.unwrap(), 1);
        app.clock.advance(SECOND);
        assert_eq!(claim().await, 0);
    }
    app.clock.advance(LEASE);
    assert_eq!(claim().await, 1, "its holder renews it no more");
    steps.go_on();
    assert_eq!(call.await.unwrap().unwrap().state(), State::Succeeded);
    assert_eq!(app.server.app.payments.renew_leases().await.unwrap(), 0, "nothing is held any more");
}

async fn there_is_no_second_attempt_while_the_call_of_the_first_may_be_under_way(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::at(&[Checkpoint::Answered]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, confirmed) = (app.client().await, id.clone());
    let call = tokio::spawn(async move { client.confirm(&confirmed, DECLINED).await });
    steps.reached().await;
    let replica = app.replica().await;
    app.clock.advance(LEASE);
    assert_eq!(replica.app.payments.recover().await.unwrap(), 1);
    let client = Client::connect(replica.grpc_addr, app.key()).await;
    assert_eq!(client.get(&id).await.state(), State::RequiresPaymentMethod, "the truth is known");
    let refused = client.confirm(&id, APPROVED).await.unwrap_err();
    assert_eq!(reason(&refused), "ATTEMPT_IN_DOUBT", "and the first call may be under way: its lease proves nothing");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded);
    steps.go_on();
    assert_eq!(call.await.unwrap().unwrap().state(), State::RequiresPaymentMethod, "its own outcome");
    app.assert_books_agree(&client, &id).await;
}

/// The answer to the repeated confirmation, byte for byte.
async fn replay(client: &Client, id: &str, card: &str) -> Vec<u8> {
    let answer = client.confirm_payment_intent(keyed("confirm", confirmation(id, card))).await.unwrap();
    assert!(answer.metadata().contains_key("idempotent-replayed"));
    answer.into_inner().payment_intent.unwrap().encode_to_vec()
}

/// Asserts that the repeated confirmation gets the answer `first` whatever happens to the payment.
async fn assert_stays(app: &TestApp, client: &Client, id: &str, card: &str, first: &[u8]) {
    assert_eq!(pb::PaymentIntent::decode(first).unwrap().state(), State::Succeeded);
    let paid = client.get(id).await;
    client.refund(&paid.payment_id, "4.00").await.unwrap();
    assert_eq!(replay(client, id, card).await, first);
    app.recover_during(Duration::from_secs(300)).await;
    assert_eq!(replay(client, id, card).await, first);
}

async fn a_repeated_call_gets_the_first_answer_though_recovery_was_killed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.intent("10.00").await.id;
    client.confirm_payment_intent(keyed("confirm", confirmation(&id, CHARGED_500))).await.unwrap();
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(recovery_is_killed(&app).await, 1);
    assert_eq!(client.get(&id).await.state(), State::Succeeded, "a read finds it out");
    let first = replay(&client, &id, CHARGED_500).await;
    assert_stays(&app, &client, &id, CHARGED_500, &first).await;
}

async fn a_repeated_call_gets_the_first_answer_though_corefy_cannot_be_asked(database: TestDatabase) {
    let (probe, deaths) = dies_at(Checkpoint::Answered);
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    tokio::select! {
        answer = client.confirm_payment_intent(keyed("confirm", confirmation(&id, APPROVED))) => panic!("{answer:?}"),
        died = deaths.acquire() => died.unwrap().forget(),
    }
    app.process_webhooks().await;
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::Http(500));
    app.clock.advance(LEASE);
    let first = replay(&client, &id, APPROVED).await;
    app.sandbox.faults().clear();
    assert_stays(&app, &client, &id, APPROVED, &first).await;
}

async fn what_a_webhook_told_during_the_call_is_its_answer_for_ever(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let (steps, probe) = Steps::at(&[Checkpoint::Answered]);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, confirmed) = (app.client().await, id.clone());
    let call = tokio::spawn(async move {
        client.confirm_payment_intent(keyed("confirm", confirmation(&confirmed, CHARGED_500))).await
    });
    steps.reached().await;
    app.process_webhooks().await;
    steps.go_on();
    let first = call.await.unwrap().unwrap().into_inner().payment_intent.unwrap().encode_to_vec();
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    assert_stays(&app, &client, &id, CHARGED_500, &first).await;
}
