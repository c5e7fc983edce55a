//! Refused calls read, and wait for no writer.

use std::time::{Duration, Instant};

use corefy_gateway::pb;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{APPROVED, keyed, new_intent},
    database::{Backend, TestDatabase},
    refusal::refused,
};

/// SQLite has one writer: a call that waits for it while another program holds it fails after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_call_is_answered_while_another_program_holds_the_writer() {
    let Some(database) = TestDatabase::new(Backend::Sqlite).await else { return };
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let referenced = pb::CreatePaymentIntentRequest { reference_id: "order-7".to_owned(), ..new_intent("5.00") };
    client.create_payment_intent(keyed("a", referenced.clone())).await.unwrap();
    let paid = client.paid_intent("10.00").await;
    let mut other = AnyConnection::connect(app.database.url()).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    let refusals = [
        refused(client.confirm(&paid.id, APPROVED).await),
        refused(client.refund(&paid.id, "10.01").await),
        refused(client.confirm("pi_01a2180f7dda77d585b8df61ce7e6a50", APPROVED).await),
    ];
    let codes = refusals.map(|refusal| refusal.code);
    assert_eq!(codes, [Code::FailedPrecondition, Code::FailedPrecondition, Code::NotFound]);
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    let repeated = client.create_payment_intent(keyed("a", referenced)).await;
    assert_eq!(refused(repeated).code, Code::Unavailable, "whether its key is taken, only a write can say");
    other.close().await.unwrap();
}
