//! The change of the master key, as the operator goes about it: what is stored is sealed again beside running gateways, whatever
//! happens meanwhile, and what is found by hashes is still found.

use std::{collections::BTreeSet, process::Output, thread};

use corefy_gateway::{
    app::master_key_rotation::MasterKeyRotation,
    domain::{
        audit::{AuditAction, AuditChain, AuditEntry, AuditFilter},
        environment::Environment,
        hash_key::{HashKey, Purpose},
        ids::Ids,
        master_key::{MasterKey, MasterKeys},
        randomness::Randomness,
    },
    pb,
    store::{Error, SEALED_TABLES, Sealer, Store},
};
use secrecy::ExposeSecret as _;
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::runtime;

use crate::support::{
    app::{TestApp, until},
    client::{APPROVED, Client, keyed},
    database::{Backend, TestDatabase, master_key, master_key_text},
    operator::note,
    person::{Opened, intent_of, lives, opened_under, places},
    program::{self, Program, Variables},
};

crate::on_both!(
    everything_is_sealed_under_the_new_master_key_and_nothing_under_the_one_before,
    a_rotation_that_is_killed_is_begun_again_beside_a_gateway_that_takes_payments,
    a_damaged_value_is_named_and_holds_up_nothing,
    a_process_that_still_seals_under_the_other_master_key_is_found_out,
    a_database_from_before_the_hash_key_keeps_its_hashes,
    a_database_from_before_the_hash_key_is_opened_by_its_own_master_key_alone,
);

const NEW: &str = "the-next-master-key-of-the-tests-0123456789";
const CANARY: &str = "canary-bird";

fn new_key() -> MasterKey {
    MasterKey::new(NEW.into())
}

/// The new master key, beside the one before.
fn both() -> MasterKeys {
    MasterKeys { current: new_key(), other: Some(master_key()) }
}

/// Both the other way round: those of a gateway that gets ready for the new one.
fn ready() -> MasterKeys {
    MasterKeys { current: master_key(), other: Some(new_key()) }
}

async fn sealed_under(app: &TestApp, key: &MasterKey) -> Vec<Opened> {
    opened_under(&app.database, key).await
}

/// The places of values.
fn columns(opened: &[Opened]) -> BTreeSet<String> {
    opened.iter().map(|value| value.place.clone()).collect()
}

/// Runs `master-key rotate` on the app's database to its end.
fn rotate(app: &TestApp) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let args = ["master-key", "rotate", "--reason", "the yearly change"];
    program::output(directory.path(), &args, &variables(app, key.expose_secret()))
}

fn variables<'a>(app: &'a TestApp, before: &'a str) -> [(&'static str, &'a str); 3] {
    [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", NEW), ("GATEWAY_MASTER_KEY_OTHER", before)]
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// A call that was answered before is answered the same.
async fn is_repeated(client: &Client, paid: &pb::PaymentIntent) {
    let request = intent_of(&paid.customer_id, CANARY);
    let again = client.create_payment_intent(keyed(&format!("intent-{CANARY}"), request)).await.unwrap().into_inner();
    assert_eq!(again.payment_intent.unwrap().id, paid.id);
}

async fn everything_is_sealed_under_the_new_master_key_and_nothing_under_the_one_before(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let person = lives(&app, &app.client().await, CANARY).await;
    let before = sealed_under(&app, &master_key()).await;
    let tables: BTreeSet<_> =
        columns(&before).iter().map(|place| place.split('.').next().unwrap().to_owned()).collect();
    assert_eq!(tables, SEALED_TABLES.iter().map(|table| table.name.to_owned()).collect());

    let app = app.crash_and_restart_changed(|config| config.master_keys = ready()).await;
    let app = app.crash_and_restart_changed(|config| config.master_keys = both()).await;
    let client = app.client().await;
    is_repeated(&client, &person.paid).await;
    let both_needed = [MasterKeys::from(master_key()), MasterKeys::from(new_key())];
    for keys in &both_needed {
        assert!(matches!(app.database.open_under(keys).await, Err(Error::OtherMasterKey)));
    }
    let (code, told) = said(&rotate(&app));
    assert!(code == Some(0) && told.contains(&format!("{} values were sealed", before.len())), "{told}");

    assert!(sealed_under(&app, &master_key()).await.is_empty());
    let after = sealed_under(&app, &new_key()).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(places(&after, CANARY), places(&before, CANARY));
    assert!(before.iter().zip(&after).all(|(before, after)| before.bytes != after.bytes));
    let filter = AuditFilter { actions: vec![AuditAction::MasterKeyRotate], ..AuditFilter::default() };
    let audited = app.server.app.audit.list(&filter, 9).await.unwrap();
    assert!(audited.len() == 1 && audited[0].reason == "the yearly change", "{audited:?}");

    let app = app.crash_and_restart_changed(|config| config.master_keys = new_key().into()).await;
    let client = app.client().await;
    is_repeated(&client, &person.paid).await;
    assert_eq!(client.get(&person.paid.id).await, person.paid);
    assert!(matches!(app.database.open_under(&master_key().into()).await, Err(Error::MasterKey)));
    let (code, told) = said(&rotate(&app));
    assert!(code == Some(0) && told.contains("0 values were sealed"), "a second time does no harm: {told}");
}

async fn a_rotation_that_is_killed_is_begun_again_beside_a_gateway_that_takes_payments(database: TestDatabase) {
    let app = TestApp::start_running(database).await;
    let client = app.client().await;
    for number in 0..150 {
        client.created(intent_of("", &format!("{CANARY}-{number}"))).await;
    }
    let app = app.crash_and_restart_changed(|config| config.master_keys = both()).await;
    let client = app.client().await;
    let (directory, key) = (tempfile::tempdir().unwrap(), master_key_text());
    let args = ["master-key", "rotate", "--quiet"];
    let mut killed = Program::start(directory.path(), &args, &variables(&app, key.expose_secret()));
    until("something is sealed again", async || !sealed_under(&app, &new_key()).await.is_empty()).await;
    killed.kill().await;
    assert!(!sealed_under(&app, &master_key()).await.is_empty(), "it was killed in the middle: {}", killed.said());

    let paying = tokio::spawn(async move {
        let mut paid = Vec::new();
        for _ in 0..20 {
            let intent = client.intent("10.00").await;
            paid.push(client.confirm(&intent.id, APPROVED).await.unwrap());
        }
        paid
    });
    let rotation = async || tokio::task::block_in_place(|| said(&rotate(&app)));
    let (code, told) = rotation().await;
    assert_eq!(code, Some(0), "{told}");
    let paid = paying.await.unwrap();
    assert!(sealed_under(&app, &master_key()).await.is_empty());
    let app = app.crash_and_restart_changed(|config| config.master_keys = new_key().into()).await;
    let client = app.client().await;
    for intent in &paid {
        let read = client.get(&intent.id).await;
        assert!(read.state() == pb::PaymentIntentState::Succeeded && read.amount == "10.00", "{read:?}");
    }
}

/// Seals the customer's details under the key before, as a process does that was not restarted.
async fn seal_under_the_key_before(url: &str) {
    let sealer = Sealer::new(master_key().sealing_key(), Randomness::system());
    let newer = Sealer::new(new_key().sealing_key(), Randomness::system());
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let row = sqlx::query("SELECT id, details FROM customers").fetch_one(&mut connection).await.unwrap();
    let (id, details): (String, Vec<u8>) = (row.get("id"), row.get("details"));
    let details: serde_json::Value = newer.open(&id, "details", &details).unwrap();
    let sealed = sealer.seal(&id, "details", &details).unwrap();
    let query = sqlx::query("UPDATE customers SET details = $1").bind(sealed);
    query.execute(&mut connection).await.unwrap();
}

async fn a_process_that_still_seals_under_the_other_master_key_is_found_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    lives(&app, &app.client().await, CANARY).await;
    let store = app.database.store_under(&both()).await;
    let rotation = MasterKeyRotation::new(store, Environment::system(), note());
    let url = app.database.url();
    let mut is_written = false;
    let rotated = rotation.run(|at| {
        if at.tables_done == SEALED_TABLES.len() && !is_written {
            is_written = true;
            let runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let writing = || runtime().block_on(seal_under_the_key_before(url));
            thread::scope(|scope| scope.spawn(writing).join()).unwrap();
        }
    });
    assert_eq!(rotated.await.unwrap().late, 1);
    assert!(matches!(app.database.open_under(&new_key().into()).await, Err(Error::OtherMasterKey)));
    let rotated = rotation.run(|_| ()).await.unwrap();
    assert_eq!((rotated.sealed, rotated.late), (0, 0));
    app.database.store_under(&new_key().into()).await;
}

async fn a_damaged_value_is_named_and_holds_up_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let paid = app.client().await.paid_intent("10.00").await;
    let nonsense = match app.database.backend() {
        Backend::Sqlite => "x'01000102'",
        Backend::Postgres => "'\\x01000102'",
    };
    let damage = format!("UPDATE payment_intents SET progress = {nonsense} WHERE id = '{}'", paid.id);
    app.database.execute(&damage).await;
    let app = app.crash_and_restart_changed(|config| config.master_keys = both()).await;
    let (code, told) = said(&rotate(&app));
    let named = format!(
        "1 values open under neither key: they were damaged before, and stay as they are; the first: payment_intents.progress of {}",
        paid.id
    );
    assert!(code == Some(0) && told.contains(&named) && told.contains("opens this database no more"), "{told}");
}

async fn a_database_from_before_the_hash_key_keeps_its_hashes(database: TestDatabase) {
    database.store().await.close().await;
    let derived = |store: &Store| store.hash_key().derive(Purpose::Pepper);
    let before = HashKey::new(master_key_text()).derive(Purpose::Pepper);
    let store = database.store().await;
    assert_ne!(derived(&store), before, "a new database has a hash key of its own");
    store.close().await;
    database.execute("DELETE FROM hash_keys").await;
    database.execute("INSERT INTO partners (id, name, created_at) VALUES ('acme', 'Acme', 0)").await;
    let store = database.store().await;
    assert_eq!(derived(&store), before);
    store.close().await;
    assert_eq!(derived(&database.store_under(&both()).await), before);
}

async fn a_database_from_before_the_hash_key_is_opened_by_its_own_master_key_alone(database: TestDatabase) {
    let before = HashKey::new(master_key_text());
    from_before(&database, &before).await;
    assert!(matches!(database.open_under(&new_key().into()).await, Err(Error::MasterKey)));
    assert!(matches!(database.open_under(&new_key().into()).await, Err(Error::MasterKey)), "nor is it taken for good");
    // The upgrade and the change of the master key in one.
    let store = database.store_under(&both()).await;
    assert_eq!(store.hash_key().expose(), before.expose());
    store.close().await;
    assert_eq!(database.store_under(&ready()).await.hash_key().expose(), before.expose());
}

/// Makes it a database that an earlier version has served with, which made no partner yet.
async fn from_before(database: &TestDatabase, hash_key: &HashKey) {
    let store = database.store().await;
    let head = store.read().await.unwrap().audit_head().await.unwrap();
    let (object, now) = (("settings", String::new()), Environment::system().clock.now());
    let served = AuditEntry::new(&Ids::system(), now, &note(), AuditAction::SettingsRead, object);
    let (head, rows) = AuditChain::new(hash_key).append(&head, &[&served]);
    assert_eq!(rows.len(), 1);
    store.close().await;
    let bytes = |bytes: &[u8]| match database.backend() {
        Backend::Sqlite => format!("x'{}'", base16ct::lower::encode_string(bytes)),
        Backend::Postgres => format!("'\\x{}'", base16ct::lower::encode_string(bytes)),
    };
    let (hash, seal) = (bytes(&head.hash), bytes(&head.seal));
    database.execute(&format!("UPDATE audit_head SET sequence = 1, hash = {hash}, seal = {seal}")).await;
    database.execute("DELETE FROM hash_keys").await;
}

#[test]
fn without_the_key_before_there_is_nothing_to_rotate() {
    let directory = tempfile::tempdir().unwrap();
    let variables: &Variables<'_> = &[("DATABASE_URL", "sqlite://gateway.db"), ("GATEWAY_MASTER_KEY", NEW)];
    let (code, told) = said(&program::output(directory.path(), &["master-key", "rotate"], variables));
    assert!(code == Some(2) && told.contains("GATEWAY_MASTER_KEY_OTHER: is missing"), "{told}");
    assert!(!directory.path().join("gateway.db").exists());
}
