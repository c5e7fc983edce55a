//! The database is gone, or another process holds a lock: calls that have sent nothing yet are refused soon, and at
//! once while the last attempts have failed. A call that was sent is settled with patience.

use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::time::sleep;
use tonic::Code;

use super::calls::{TestedCall, TestedObjects};
use crate::support::{
    app::{TestApp, http_client, until},
    client::{APPROVED, Client, confirmation, keyed, new_customer},
    database::{Backend, TestDatabase},
    proxy::DatabaseProxy,
    refusal::refused,
};

crate::on_both!(
    a_lock_of_another_process_is_refused_soon_and_then_at_once,
    what_was_sent_is_settled_when_the_lock_is_gone,
);

/// The longest wait of a call that is refused before anything is sent, with a margin for a busy machine.
const SOON: Duration = Duration::from_millis(2000 + 500);
/// The longest time that counts as at once.
const AT_ONCE: Duration = Duration::from_millis(400);

/// Another process that keeps all others from writing payments, until this is closed.
async fn lock(database: &TestDatabase) -> AnyConnection {
    let mut other = AnyConnection::connect(database.url()).await.unwrap();
    let lock = match database.backend() {
        Backend::Sqlite => "BEGIN IMMEDIATE",
        Backend::Postgres => "BEGIN; LOCK TABLE operations IN ACCESS EXCLUSIVE MODE",
    };
    other.execute(lock).await.unwrap();
    other
}

/// How long one call takes that is refused because of the database.
async fn refused_after(client: &Client, n: u32) -> Duration {
    let began = Instant::now();
    let refusal = refused(client.create_customer(keyed(&format!("refused-{n}"), new_customer())).await);
    let told = (refusal.code, refusal.reason.as_str());
    assert_eq!(told, (Code::Unavailable, "STORE_UNAVAILABLE"), "{refusal:?}");
    began.elapsed()
}

/// Asserts that calls are refused soon, and at once when some have failed.
async fn assert_refused_soon(client: &Client) {
    let mut waited = Vec::new();
    for n in 0..9 {
        waited.push(refused_after(client, n).await);
    }
    assert!(waited.iter().all(|wait| *wait < SOON), "{waited:?}");
    let at_once = waited[3..].iter().filter(|wait| **wait < AT_ONCE).count();
    assert!(at_once >= 3, "{waited:?}");
}

async fn a_lock_of_another_process_is_refused_soon_and_then_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.create_customer(new_customer()).await.unwrap();
    let before = app.sandbox.requests().len();
    let other = lock(&app.database).await;
    assert_refused_soon(&client).await;
    if app.database.backend() == Backend::Sqlite {
        // A busy machine may have waited for the lock longer than readiness does, and is asked again.
        let says_why = async || {
            let response = http_client().get(app.http("/readyz")).send().await.unwrap();
            assert_eq!(response.status(), 503);
            response.text().await.unwrap() == "another process has locked the database\n"
        };
        until("readiness says why", says_why).await;
    }
    assert_eq!(app.sandbox.requests().len(), before, "nothing is sent");
    other.close().await.unwrap();
    let works = async || client.create_customer(keyed("works", new_customer())).await.is_ok();
    until("calls are served again", works).await;
}

async fn what_was_sent_is_settled_when_the_lock_is_gone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let subjects = TestedObjects::new(&client).await;
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 300);
    let locked = async {
        let is_sent = async || app.sent(TestedCall::Confirm.path().unwrap()) > 1;
        until("the call is sent", is_sent).await;
        let other = lock(&app.database).await;
        sleep(Duration::from_secs(6)).await;
        other.close().await.unwrap();
    };
    let request = keyed("settled", confirmation(&subjects.intent, APPROVED));
    let (answer, ()) = tokio::join!(client.confirm_payment_intent(request), locked);
    let intent = answer.unwrap().into_inner().payment_intent.unwrap();
    assert_eq!(intent.amount_received, "50.00");
    app.assert_books_agree(&client, &subjects.intent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_calls_are_refused_soon_and_then_at_once() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let proxy = DatabaseProxy::start(database.url()).await;
    let app = TestApp::start(database.behind(proxy.address)).await;
    let client = app.client().await;
    client.create_customer(new_customer()).await.unwrap();
    proxy.go_down();
    assert_refused_soon(&client).await;
    proxy.come_up();
    let works = async || client.create_customer(keyed("works", new_customer())).await.is_ok();
    until("calls are served again", works).await;
}
