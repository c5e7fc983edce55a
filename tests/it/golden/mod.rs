//! Rows that earlier versions have written, sealed answers among them: every later version opens them, on both databases,
//! through the real API.
//!
//! A version's rows are two files here: `<version>.sql` has the rows of all tables, `<version>.json` the calls that were answered
//! from them then. They are made once, before the version is released, and never changed afterwards:
//!
//! ```sh
//! cargo test --test it -- --ignored golden::make_rows_of_this_version
//! ```
//!
//! While a version is not released, a change of what it stores may need its rows to be made again: delete the two files first.

mod calls;
mod operators;
pub mod rows;
mod story;

use std::{fs, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use self::calls::Recorded;
use crate::support::{
    app::{START, TestApp},
    database::{Backend, TestDatabase},
};

crate::on_both!(rows_of_every_version_open_and_are_answered_as_then);

/// The rows of a version, and what is known of them.
#[derive(Serialize, Deserialize)]
struct Golden {
    /// The number of the last migration of that version.
    migration: i64,
    /// The checksums of its migrations, by database: no migration changes after a release.
    sqlite: Vec<String>,
    postgres: Vec<String>,
    /// The seconds between the beginning of the clock and the calls.
    seconds: u64,
    /// The key that the calls are made with.
    key: String,
    /// Calls in the order in which they are made.
    calls: Vec<Recorded>,
    /// The rows as operators see them.
    operators: serde_json::Value,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

/// The versions that have rows here.
fn versions() -> Vec<String> {
    let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let rows = files.filter(|path| path.extension().is_some_and(|end| end == "sql"));
    rows.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn read(version: &str) -> (Golden, String) {
    let text = |end: &str| fs::read_to_string(directory().join(format!("{version}.{end}"))).unwrap();
    (serde_json::from_str(&text("json")).unwrap(), text("sql"))
}

async fn rows_of_every_version_open_and_are_answered_as_then(database: TestDatabase) {
    let backend = database.backend();
    let mut database = Some(database);
    let versions = versions();
    assert!(!versions.is_empty());
    for version in versions {
        let (golden, rows) = read(&version);
        let database = match database.take() {
            Some(database) => database,
            None => TestDatabase::new(backend).await.unwrap(),
        };
        let checksums = rows::migrate(&database, golden.migration).await;
        let released = if backend == Backend::Sqlite { &golden.sqlite } else { &golden.postgres };
        assert_eq!(&checksums, released, "a migration of version {version} was changed after its release");
        rows::load(&database, &rows).await;
        let app = TestApp::start(database).await;
        app.clock.advance(Duration::from_secs(golden.seconds));
        let client = app.client_with(&golden.key).await;
        for call in &golden.calls {
            let answer = calls::make(&client, &call.method, call.key.as_deref(), &call.request()).await;
            calls::assert_has_all_of(&call.answer, &answer, &format!("version {version}: {}", call.method));
        }
        let seen = operators::seen(&app).await;
        calls::assert_has_all_of(&golden.operators, &seen, &format!("version {version}: operators"));
        let metrics = app.server.app.diagnostics.metrics();
        let mut unreadable = metrics.lines().filter(|line| line.starts_with("corefy_gateway_unreadable_rows_total"));
        assert!(unreadable.all(|line| line.ends_with(" 0")), "rows of version {version} were left out: {metrics}");
    }
}

#[test]
fn this_version_has_golden_rows() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(versions().iter().any(|known| known == version), "make the rows of {version}: see the top of this file");
    let (golden, rows) = read(version);
    let tables = ["api_calls", "api_keys", "audit_head", "audit_log", "customers", "events", "operations", "webhooks"];
    let of_risk = ["risk_bin_counters", "risk_decisions", "risk_outcomes", "risk_subjects"];
    for table in
        tables.into_iter().chain(["payment_intents", "payment_methods", "refunds", "chargebacks"]).chain(of_risk)
    {
        assert!(rows.contains(&format!("INSERT INTO {table} (")), "no row of {table}");
    }
    let told = serde_json::to_string(&golden.calls).unwrap() + &golden.operators.to_string();
    let states = ["REQUIRES_PAYMENT_METHOD", "REQUIRES_CONFIRMATION", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED"];
    let states = states.into_iter().chain(["PARTIALLY_PAID", "CANCELED"]);
    let words = states.map(|state| format!("\"PAYMENT_INTENT_STATE_{state}\""));
    let more =
        ["\"amount_charged_back\":\"6.00\"", "\"parked\"", "\"payment_intent.charged_back\"", "operation.recheck"];
    for word in words.chain(more.map(str::to_owned)) {
        assert!(told.contains(&word), "{word} is not in the golden answers");
    }
}

/// Makes the rows of this version, where it has none yet. Run by hand, before a release.
#[tokio::test]
#[ignore = "writes files: run before a release"]
async fn make_rows_of_this_version() {
    let sqlite = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let app = TestApp::start(sqlite).await;
    let calls = story::tell(&app).await;
    let golden = Golden {
        migration: rows::last_migration(Backend::Sqlite).await,
        sqlite: rows::checksums(Backend::Sqlite, i64::MAX).await,
        postgres: rows::checksums(Backend::Postgres, i64::MAX).await,
        seconds: app.clock.now().since(START).as_secs(),
        key: app.key().to_owned(),
        calls,
        operators: operators::seen(&app).await,
    };
    let version = env!("CARGO_PKG_VERSION");
    let path = |end: &str| directory().join(format!("{version}.{end}"));
    assert!(!path("sql").exists(), "{version} has its rows; delete them first if it is not released yet");
    fs::write(path("sql"), rows::dump(&app.database).await).unwrap();
    fs::write(path("json"), serde_json::to_string_pretty(&golden).unwrap() + "\n").unwrap();
}
