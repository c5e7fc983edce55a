//! PostgreSQL fails over: sessions that were opened before are closed by the server, or go on but take no writes. The
//! gateway uses none of them again.

use std::time::Duration;

use corefy_gateway::{pb, store::Store};
use tonic::{Code, Status};

use crate::support::{
    app::{TestApp, http_client, until},
    client::{APPROVED, Client, new_intent, reason},
    database::{Backend, TestDatabase, master_key},
};

/// How long a call may take that finds every session lost.
const SOON: Duration = Duration::from_secs(5);

async fn start() -> Option<(TestApp, Client)> {
    let app = TestApp::start(TestDatabase::new(Backend::Postgres).await?).await;
    let client = app.client().await;
    Some((app, client))
}

async fn readiness(app: &TestApp) -> (u16, String) {
    let answer = http_client().get(app.http("/readyz")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Takes a payment with all that its calls need: commits, reads by id, transactions of their own, reads and lists.
async fn take_payment(client: &Client) -> Result<(), Status> {
    let intent = client.create_payment_intent(new_intent("10.00")).await?.into_inner().payment_intent.unwrap();
    client.confirm(&intent.id, APPROVED).await?;
    client.refund(&intent.id, "4.00").await?;
    client.get_payment_intent(pb::GetPaymentIntentRequest { id: intent.id }).await?;
    client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await?;
    let other = client.create_payment_intent(new_intent("10.00")).await?.into_inner().payment_intent.unwrap();
    let cancel = pb::CancelPaymentIntentRequest { payment_intent_id: other.id, ..Default::default() };
    client.cancel_payment_intent(cancel).await.map(|_| ())
}

/// Ends every session of the gateway, as a server does that goes down.
async fn end_sessions(app: &TestApp) {
    let others = "datname = current_database() AND pid <> pg_backend_pid()";
    app.database.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")).await;
}

/// Has every session that writes intents or operations take no writes from its next transaction on, as those are left by a
/// server that has become a standby.
async fn poison_sessions(app: &TestApp) {
    let function = "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM set_config('default_transaction_read_only', 'on', false); RETURN NULL; END $$";
    app.database.execute(function).await;
    for table in ["payment_intents", "operations"] {
        let trigger = "AFTER INSERT OR UPDATE ON payment_intents FOR EACH STATEMENT EXECUTE FUNCTION poison()";
        let trigger = trigger.replace("payment_intents", table);
        app.database.execute(&format!("CREATE TRIGGER poison {trigger}")).await;
    }
}

async fn heal(app: &TestApp) {
    app.database.execute("DROP FUNCTION poison CASCADE").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_take_no_writes_any_longer_are_replaced() {
    let Some((app, client)) = start().await else { return };
    take_payment(&client).await.unwrap();
    poison_sessions(&app).await;
    // Poisons the session that commits, and by transactions of their own others.
    for _ in 0..4 {
        let _ = take_payment(&client).await;
    }
    heal(&app).await;
    tokio::time::timeout(SOON, take_payment(&client)).await.unwrap().unwrap();
    assert_eq!(readiness(&app).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_the_server_has_ended_are_replaced() {
    let Some((app, client)) = start().await else { return };
    for _ in 0..3 {
        take_payment(&client).await.unwrap();
        end_sessions(&app).await;
        // One call finds out, and nothing was sent for it; all that follow have sessions of their own.
        let first = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await;
        assert!(first.is_ok() || reason(&first.unwrap_err()) == "STORE_UNAVAILABLE");
        tokio::time::timeout(SOON, take_payment(&client)).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_takes_no_writes_the_gateway_is_not_ready_and_afterwards_all_is_well() {
    let Some((app, client)) = start().await else { return };
    take_payment(&client).await.unwrap();
    app.database.alter("SET default_transaction_read_only = on").await;
    end_sessions(&app).await;

    let refused = client.create_payment_intent(new_intent("10.00")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(readiness(&app).await.0, 503);
    let why = "the database takes no writes: it is a standby, or default_transaction_read_only is on\n";
    until("readiness says why", async || readiness(&app).await == (503, why.to_owned())).await;
    let error = open(&app.database).await.err().unwrap();
    assert!(error.to_string().contains("takes no writes"), "{error}");

    app.database.alter("SET default_transaction_read_only = off").await;
    tokio::time::timeout(SOON, take_payment(&client)).await.unwrap().unwrap();
    // The result of a lookup is cached for a second.
    until("the gateway is ready again", async || readiness(&app).await.0 == 200).await;
}

async fn open(database: &TestDatabase) -> Result<Store, corefy_gateway::store::Error> {
    use corefy_gateway::{domain::environment::Environment, store::Keyring};
    let Environment { ids, randomness, .. } = Environment::system();
    Store::open(database.url(), 2, Keyring::new(&master_key().into(), randomness), ids).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_other_gateways_are_heard_at_once_after_the_sessions_were_ended() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let (hearing, telling) = (database.store().await, database.store().await);
    let mut news = hearing.event_signal().readers();
    let heard = tokio::spawn({
        let hearing = hearing.clone();
        async move { hearing.listen_for_events().await }
    });
    let others = "datname = current_database() AND query LIKE 'LISTEN%'";
    until("the connection that listens", async || {
        telling.try_write().await.unwrap();
        database.count(&format!("SELECT COUNT(*) FROM pg_stat_activity WHERE {others}")).await > 0
    })
    .await;
    database.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")).await;
    let ended = tokio::time::timeout(SOON, heard).await.unwrap().unwrap();
    assert!(ended.is_err(), "the connection is made anew, and asked whether it can write");
    assert!(news.has_changed().unwrap(), "and what came meanwhile is looked for");
    news.mark_unchanged();
}
