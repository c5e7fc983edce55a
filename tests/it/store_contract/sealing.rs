//! The database without the master key: an outsider finds no personal data in it.

use std::fs;

use corefy_gateway::{
    domain::{
        event::{EventObject, EventType},
        event_filter::EventFilter,
        list_filters::PaymentIntentFilter,
        master_key::{MasterKey, MasterKeys},
        operation::OperationKind,
        payment_intent::PaymentIntent,
    },
    store::{Change, Changes, Error, FrozenAnswer, Lease, Store},
};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::objects::{
    CANARY, NOW, acme, after, arrival, commit, customer, new_customer, new_intent, new_method, new_refund, operation,
    paid_intent, payment_intent, payment_method, refund, save_intent, save_operation, webhook,
};
use crate::{
    on_three,
    support::database::{Backend, TestDatabase, master_key},
};

on_three![
    under_another_master_key_the_database_does_not_open,
    rows_under_another_master_key_are_corrupt_and_not_a_panic,
    a_row_that_was_tampered_with_is_corrupt_and_not_a_panic,
];

/// Writes one row of everything, each with [`CANARY`] wherever it can have personal data.
async fn fill(store: &Store) -> PaymentIntent {
    let (customer, intent) = (customer(acme(), None), paid_intent(acme()));
    let (method, refund) = (payment_method(&customer), refund(&intent, None));
    let mut changes = Changes::default();
    [new_customer(&customer), new_method(&method), new_intent(&intent), new_refund(&refund)]
        .into_iter()
        .for_each(|change| changes.push(change));
    let objects: [EventObject; 4] = [customer.into(), method.into(), refund.into(), intent.clone().into()];
    for object in objects {
        changes.emit(EventType::PaymentIntentCreated, object, NOW);
    }
    store.commit(&changes).await.unwrap();
    commit(store, [arrival(&webhook("a"))]).await.unwrap();
    let done = operation(OperationKind::ConfirmPaymentIntent, intent.id.as_str(), Some(&intent.id));
    save_operation(store, &done).await;
    let (lease, answer) = (Lease::held(&done), FrozenAnswer::of(&intent));
    commit(store, [Change::FinishOperation { lease, answer, finished_at: after(1) }]).await.unwrap();
    intent
}

/// Everything that PostgreSQL has in its tables, with bytes shown as the characters they are.
async fn postgres_text(url: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let sql =
        "SELECT string_agg(query_to_xml(format('SELECT t::text FROM %I t', table_name), true, false, '')::text, '')
         FROM information_schema.tables WHERE table_schema = 'public'";
    sqlx::query("SET bytea_output = 'escape'").execute(&mut connection).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn nothing_in_the_files_of_sqlite_tells_of_a_person() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let store = database.store().await;
    let intent = fill(&store).await;
    let path = database.url().strip_prefix("sqlite://").unwrap();
    let bytes = [fs::read(path).unwrap(), fs::read(format!("{path}-wal")).unwrap()].concat();
    let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains(intent.id.as_str()), "the bytes are those of the database");
    assert!(!contains(CANARY));
}

#[tokio::test]
async fn nothing_in_the_rows_of_postgres_tells_of_a_person() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let intent = fill(&database.store().await).await;
    let text = postgres_text(database.url()).await;
    assert!(text.contains(intent.id.as_str()), "the text is that of the database");
    assert!(!text.contains(CANARY));
}

async fn under_another_master_key_the_database_does_not_open(database: TestDatabase) {
    database.store().await.close().await;
    let stranger = MasterKeys::from(MasterKey::new("another master key, of another gateway".into()));
    assert!(matches!(database.open_under(&stranger).await, Err(Error::MasterKey)));
}

async fn rows_under_another_master_key_are_corrupt_and_not_a_panic(database: TestDatabase) {
    let store = database.store().await;
    let intent = fill(&store).await;
    store.close().await;
    let stranger = MasterKey::new("another master key, of another gateway".into());
    let both = MasterKeys { current: stranger.clone(), other: Some(master_key()) };
    database.store_under(&both).await.close().await;
    // As if everything had been sealed again.
    let mut connection = sqlx::AnyConnection::connect(database.url()).await.unwrap();
    connection.execute("DELETE FROM hash_keys WHERE number = 1").await.unwrap();
    let mut session = database.store_under(&stranger.into()).await.read().await.unwrap();
    let errors = [
        session.payment_intent_any(&intent.id).await.unwrap_err(),
        session.payment_intents(&acme(), &PaymentIntentFilter::default(), None, 9).await.unwrap_err(),
        session.customers(&acme(), &Default::default(), None, 9).await.unwrap_err(),
        session.refunds_of(&intent.id).await.unwrap_err(),
        session.events(&acme(), &EventFilter::default(), (0, None), 9).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Corrupt(_)), "{error}");
        assert!(!error.to_string().contains(CANARY));
    }
}

async fn a_row_that_was_tampered_with_is_corrupt_and_not_a_panic(database: TestDatabase) {
    let store = database.store().await;
    for change in ["currency = 'XXX'", "partner_id = 'No Partner'", "details = progress"] {
        let intent = payment_intent(acme(), None);
        save_intent(&store, &intent).await;
        let mut connection = sqlx::AnyConnection::connect(database.url()).await.unwrap();
        let sql = format!("UPDATE payment_intents SET {change} WHERE id = '{}'", intent.id);
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        let error = store.read().await.unwrap().payment_intent_any(&intent.id).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{change}: {error}");
    }
}
