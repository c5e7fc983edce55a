//! PostgreSQL's connection breaks before or after a commit, or while the database is at it. Whether the commit stands is found
//! out before anything is sent or answered.

use std::time::{Duration, Instant};

use corefy_gateway::{pb::PaymentIntentState as State, sandbox::faults::Fault as UpstreamFault, store::WebhookFilter};
use tokio::{task::JoinSet, time::sleep};
use tonic::Code;

use super::calls::{TestedCall, TestedObjects, sent};
use crate::support::{
    app::{TestApp, until},
    client::{APPROVED, Client, keyed, new_intent},
    database::{Backend, TestDatabase},
    money::CONFIRM,
    proxy::{Cut, DatabaseProxy},
    refusal::refused,
};

/// A gateway that reaches its database by way of the proxy. `None`: there is no PostgreSQL.
async fn behind_a_proxy() -> Option<(TestApp, DatabaseProxy)> {
    let database = TestDatabase::new(Backend::Postgres).await?;
    let proxy = DatabaseProxy::start(database.url()).await;
    let app = TestApp::start(database.behind(proxy.address)).await;
    Some((app, proxy))
}

/// Every call is made, with these cuts after `spared` statements; each must be answered as if nothing had happened, and sent
/// once.
async fn every_call_survives(spared: u32, cuts: &[Cut]) {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    let subjects = TestedObjects::new(&client).await;
    let before = sent(&app);
    for kind in TestedCall::SENT {
        proxy.cut(spared, cuts.iter().copied());
        let answer = subjects.call(&client, kind).await;
        let id = answer.unwrap_or_else(|status| panic!("{kind:?} {cuts:?}: {status:?}"));
        assert_eq!(proxy.cuts_left(), 0, "{kind:?} {cuts:?}: all cuts were made");
        proxy.come_up();
        subjects.assert_is_kept(&client, kind, &id).await;
    }
    assert!(sent(&app).iter().zip(before).all(|(after, before)| after - before == 1), "each was sent once");
    let app = app.crash_and_restart().await;
    subjects.assert_made_once(&app, &app.client().await).await;
}

macro_rules! every_call_survives {
    ($($test:ident: $spared:literal, [$($cut:ident),*];)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            every_call_survives($spared, &[$(Cut::$cut),*]).await;
        }
    )*};
}

every_call_survives! {
    a_reservation_that_did_not_reach_the_database_is_made_again: 0, [BeforeStatement];
    a_reservation_that_stands_though_nobody_said_so_is_found: 0, [AfterStatement];
    a_reservation_that_is_lost_twice_is_made_again: 0, [BeforeStatement, BeforeStatement];
    a_reservation_that_is_lost_and_then_stands_is_found: 0, [BeforeStatement, AfterStatement];
    an_outcome_that_did_not_reach_the_database_is_written_again: 1, [BeforeStatement];
    an_outcome_that_stands_though_nobody_said_so_is_not_written_again: 1, [AfterStatement];
    an_outcome_of_which_a_silent_connection_does_not_say_whether_it_stands_is_written: 1, [AfterStatement, SilentBefore];
    an_outcome_that_stands_is_found_though_a_connection_is_silent_about_it: 1, [AfterStatement, SilentAfter];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_that_the_database_is_still_at_is_waited_for() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    let subjects = TestedObjects::new(&client).await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END $$";
    app.database.execute(slow).await;
    let at_commit = "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON operations DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION slow()";
    app.database.execute(at_commit).await;
    for kind in [TestedCall::Confirm, TestedCall::Refund] {
        proxy.cut(0, [Cut::DuringStatement]);
        subjects.call(&client, kind).await.unwrap();
        assert_eq!(proxy.cuts_left(), 0);
    }
    subjects.assert_made_once(&app, &client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_doubt_is_left_open_once_though_its_commit_was_not_answered() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    for cut in [Cut::BeforeStatement, Cut::AfterStatement] {
        let id = client.intent("50.00").await.id;
        app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, UpstreamFault::HttpAfterExecute(500));
        // The reservation is spared.
        proxy.cut(1, [cut]);
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing);
        assert_eq!(proxy.cuts_left(), 0, "{cut:?}");
        let told = client.event_types(&id).await;
        assert_eq!(told.iter().filter(|kind| *kind == "operation.in_doubt").count(), 1, "{cut:?}: {told:?}");
        app.recover_during(Duration::from_secs(60)).await;
        assert_eq!(client.get(&id).await.state(), State::Succeeded, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_reservation_cannot_be_found_out_sends_nothing_and_frees_its_key_later() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    let subjects = TestedObjects::new(&client).await;
    // Reads apart, which webhooks of the creations above cause.
    let sent = || app.sandbox.requests().iter().filter(|request| request.method == "POST").count();
    let before = sent();
    for kind in [TestedCall::Confirm, TestedCall::Refund] {
        proxy.cut_and_go_down(0, [Cut::AfterStatement]);
        let began = Instant::now();
        let refusal = refused(subjects.call(&client, kind).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"), "{refusal:?}");
        assert!(began.elapsed() < Duration::from_millis(2500), "{kind:?}: {:?}", began.elapsed());
        assert_eq!(sent(), before, "nothing is sent");
        proxy.come_up();
        until("the key is free", async || client.get_payment_intent(get(&subjects.intent)).await.is_ok()).await;
    }
    for kind in [TestedCall::Confirm, TestedCall::Refund] {
        until("the same call is made", async || subjects.call(&client, kind).await.is_ok()).await;
    }
    subjects.assert_made_once(&app, &client).await;
}

fn get(id: &str) -> corefy_gateway::pb::GetPaymentIntentRequest {
    corefy_gateway::pb::GetPaymentIntentRequest { id: id.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_whose_commit_was_not_answered_is_kept_once() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    for (cut, duplicates) in [(Cut::BeforeStatement, 0), (Cut::AfterStatement, 1)] {
        let body = format!(r#"{{"event_type":"customer.created","event_id":"evt_{cut:?}"}}"#);
        proxy.cut_about("customer.created", 0, [cut]);
        assert_eq!(app.sandbox.send_webhook(body.clone(), None).await.unwrap(), 503, "{cut:?}");
        assert_eq!(app.sandbox.send_webhook(body, None).await.unwrap(), 200, "{cut:?}");
        let store = app.database.store().await;
        let kept = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap();
        assert_eq!(kept[0].duplicates, duplicates, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_commit_was_not_answered_is_made_once_and_works() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let before = app.keys().await.list(None).await.unwrap().len();
    for (cut, number) in [(Cut::BeforeStatement, 1), (Cut::AfterStatement, 2)] {
        proxy.cut_about("another key", 0, [cut]);
        let pair = app.new_key(|new| new.key_name = "another key".to_owned()).await;
        assert_eq!(proxy.cuts_left(), 0, "{cut:?}");
        proxy.come_up();
        let client = app.client_with(secrecy::ExposeSecret::expose_secret(&pair)).await;
        client.create_payment_intent(keyed(&format!("{cut:?}"), new_intent("1.00"))).await.unwrap();
        assert_eq!(app.keys().await.list(None).await.unwrap().len(), before + number, "{cut:?}");
    }
}

/// The longest that calls take while a connection is silent: the time after which a batch is given up, with a margin for a busy
/// machine.
const OUTLASTED: Duration = Duration::from_secs(5);

/// Creates intents at the same time, under keys with this prefix; returns their ids.
async fn create_together(client: &Client, prefix: &str) -> Vec<String> {
    let mut creations = JoinSet::new();
    for n in 0..CREATIONS {
        let (client, key) = (client.clone(), format!("{prefix}-{n}"));
        creations.spawn(async move {
            let created = client.create_payment_intent(keyed(&key, new_intent("1.00"))).await;
            created.unwrap().into_inner().payment_intent.unwrap().id
        });
    }
    creations.join_all().await
}

/// How many intents are created at the same time: those of the silent batch, and those behind it.
const CREATIONS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_silent_at_a_commit_is_outlasted_by_the_calls_behind_it_and_by_its_own() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    create_together(&client, "warm").await;
    for cut in [Cut::SilentBefore, Cut::SilentAfter] {
        let before = sent(&app);
        proxy.cut(0, [cut]);
        let began = Instant::now();
        let mut ids = create_together(&client, &format!("{cut:?}")).await;
        assert!(began.elapsed() < OUTLASTED, "{cut:?}: {:?}", began.elapsed());
        assert_eq!(proxy.cuts_left(), 0, "{cut:?}");
        proxy.come_up();
        assert_eq!(sent(&app)[0] - before[0], CREATIONS, "{cut:?}: each is sent once");
        let mut repeated = create_together(&client, &format!("{cut:?}")).await;
        ids.sort();
        repeated.sort();
        assert_eq!(ids, repeated, "{cut:?}: each was made once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_silent_at_a_read_is_replaced_and_the_read_is_made_again() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    let id = client.intent("1.00").await.id;
    for cut in [Cut::SilentBefore, Cut::SilentAfter] {
        // The keys of a read by id.
        proxy.cut_about("[\"pi_", 0, [cut]);
        let began = Instant::now();
        let read = client.get_payment_intent(get(&id)).await.unwrap();
        assert_eq!(read.into_inner().payment_intent.unwrap().id, id);
        assert!(began.elapsed() < OUTLASTED, "{cut:?}: {:?}", began.elapsed());
        assert_eq!(proxy.cuts_left(), 0, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_has_fallen_silent_while_it_was_idle_is_replaced() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let client = app.client().await;
    for n in 0..2 {
        client.create_payment_intent(keyed(&format!("before-{n}"), new_intent("1.00"))).await.unwrap();
        // Longer than a connection is used without being asked first.
        sleep(Duration::from_millis(1200)).await;
        proxy.cut_about("transaction_read_only", 0, [Cut::SilentBefore]);
        let began = Instant::now();
        client.create_payment_intent(keyed(&format!("after-{n}"), new_intent("1.00"))).await.unwrap();
        assert!(began.elapsed() < OUTLASTED, "{:?}", began.elapsed());
        assert_eq!(proxy.cuts_left(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_whose_batch_is_silent_is_refused_and_kept_once_when_it_comes_again() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    for (cut, duplicates) in [(Cut::SilentBefore, 0), (Cut::SilentAfter, 1)] {
        let body = format!(r#"{{"event_type":"customer.created","event_id":"evt_{cut:?}"}}"#);
        proxy.cut_about("customer.created", 0, [cut]);
        assert_eq!(app.sandbox.send_webhook(body.clone(), None).await.unwrap(), 503, "{cut:?}");
        assert_eq!(app.sandbox.send_webhook(body, None).await.unwrap(), 200, "{cut:?}");
        let store = app.database.store().await;
        let kept = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap();
        assert_eq!(kept[0].duplicates, duplicates, "{cut:?}");
    }
}
