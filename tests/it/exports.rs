//! Books: what is exported, and how it goes on after it was stopped.

use std::{fs, path::Path};

use corefy_gateway::{
    app::audit::AuditLog,
    domain::{audit::AuditFilter, environment::Environment, event::EventType},
    store::Changes,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use crate::{
    on_both,
    store_contract::objects::{
        CANARY, NOW, acme, after, commit, new_intent, new_refund, other, paid_intent, refund, save_intent,
    },
    support::{
        app::{create_key, until},
        database::{TestDatabase, master_key_text},
        program::{Program, output},
    },
};

on_both![
    books_have_every_object_of_the_range_and_nothing_of_its_payer,
    an_export_that_is_killed_goes_on_where_it_was,
    an_export_is_refused_that_would_have_gaps_or_does_not_exist,
];

/// A database with two partners.
async fn with_partners(database: &TestDatabase) {
    for name in ["Acme", "Other"] {
        create_key(database, &Environment::system(), |key| key.partner_name = name.to_owned()).await;
    }
}

/// Runs `export` on the database: its exit code, what it said, and what it complained of.
fn export(database: &TestDatabase, directory: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let output = output(directory, &[&["export"], args].concat(), &variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The rows of an export to standard output, each as an object.
fn exported(database: &TestDatabase, args: &[&str]) -> Vec<Json> {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (NOW.to_string(), after(60).to_string());
    let range = ["--from", &from, "--to", &to, "--format=jsonl", "--out=-"];
    let (code, said, complaint) = export(database, directory.path(), &[args, &range].concat());
    assert_eq!(code, Some(0), "{complaint}");
    assert!(!said.contains(CANARY), "{said}");
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn books_have_every_object_of_the_range_and_nothing_of_its_payer(database: TestDatabase) {
    with_partners(&database).await;
    let store = database.store().await;
    let mut ids = Vec::new();
    for (partner, second) in [(acme(), 5), (acme(), 1), (other(), 3), (acme(), 60), (acme(), -1)] {
        let mut intent = paid_intent(partner);
        (intent.created_at, intent.reference_id) = (after(second), Some(format!("=order,\"{second}\"")));
        save_intent(&store, &intent).await;
        let mut refund = refund(&intent, None);
        refund.created_at = after(second);
        let mut changes = Changes::from_iter([new_refund(&refund)]);
        changes.emit(EventType::PaymentIntentSucceeded, intent.clone(), after(second));
        store.commit(&changes).await.unwrap();
        ids.push(intent.id.to_string());
    }
    let column = |rows: &[Json], name: &str| -> Vec<String> {
        rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
    };
    let payments = exported(&database, &["payments"]);
    assert_eq!(column(&payments, "id"), [&ids[1], &ids[0], &ids[2]].map(String::clone), "by partner, and by time");
    assert_eq!(payments[0]["received"], "100.00");
    for (name, reference) in [
        ("retrieval_reference_number", "001122334455"),
        ("approval_code", "A1B2C3"),
        ("acquirer_reference_number", "24692164300100123456789"),
    ] {
        assert_eq!(payments[0][name], reference);
    }
    let refunds = exported(&database, &["refunds", "--partner=acme"]);
    assert_eq!(column(&refunds, "payment_intent_id"), [&ids[1], &ids[0]].map(String::clone));
    assert_eq!((&refunds[0]["amount"], &refunds[0]["failure_code"]), (&"5.00".into(), &"declined".into()));
    let events = exported(&database, &["events"]);
    assert_eq!(
        column(&events, "object_id"),
        [&ids[0], &ids[1], &ids[2]].map(String::clone),
        "in the order of all events"
    );
    assert_eq!(events[0]["amount"], "100.00");

    let directory = tempfile::tempdir().unwrap();
    let from = NOW.to_string();
    let file =
        ["payments", "--from", &from, "--partner=other", "--format=csv", "--out=books.csv", "--for-spreadsheets"];
    assert_eq!(export(&database, directory.path(), &file).0, Some(0));
    let mut reader = csv_of(&directory.path().join("books.csv"));
    assert_eq!(reader.remove(0)[..3], ["partner_id", "id", "reference_id"]);
    assert_eq!(reader.remove(0)[..3], ["other", &ids[2], "'=order,\"3\""]);

    let file = ["payments", "--from", &from, "--format=parquet", "--out=books.parquet", "--reason=the year's end"];
    let (code, _, complaint) = export(&database, directory.path(), &file);
    assert_eq!((code, complaint.trim()), (Some(0), "4 rows"), "{complaint}");
    let books = SerializedFileReader::new(fs::File::open(directory.path().join("books.parquet")).unwrap()).unwrap();
    let rows: Vec<_> = books.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let cells = |name: &str| -> Vec<String> {
        let cells = rows.iter().flat_map(|row| row.get_column_iter().filter(|(of, _)| of.as_str() == name));
        cells.map(|(_, cell)| cell.to_string()).collect()
    };
    assert_eq!(cells("id"), [1, 0, 3, 2].map(|place: usize| format!("\"{}\"", ids[place])));
    assert_eq!(cells("received"), ["100.0000"; 4]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left");

    let entries = AuditLog::new(store, Environment::system()).list(&AuditFilter::default(), 3).await.unwrap();
    assert_eq!(entries[0].reason, "the year's end");
    let entries = &entries[1..];
    let told = |row: usize| (entries[row].action.as_str(), entries[row].object.as_str());
    assert_eq!([told(0), told(1)], [("books.export", "payments"), ("books.export", "events")]);
    let after: Json = serde_json::from_str(entries[0].after.as_ref().unwrap()).unwrap();
    assert_eq!((&after["partner"], &after["from"], &after["format"]), (&"other".into(), &from.into(), &"csv".into()));
    assert!(after["before"].is_string());
}

fn csv_of(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read(path).unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Payments enough for an export of some pages.
pub async fn many(database: &TestDatabase, count: i64) {
    with_partners(database).await;
    let store = database.store().await;
    let seconds: Vec<_> = (0..count).collect();
    for part in seconds.chunks(250) {
        let intent = |second: &i64| {
            let mut intent = paid_intent(if second % 3 == 0 { other() } else { acme() });
            intent.created_at = after(*second);
            new_intent(&intent)
        };
        commit(&store, part.iter().map(intent)).await.unwrap();
    }
}

async fn an_export_that_is_killed_goes_on_where_it_was(database: TestDatabase) {
    const COUNT: i64 = 6000;
    many(&database, COUNT).await;
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (NOW.to_string(), after(COUNT).to_string());
    let args = ["payments", "--from", &from, "--to", &to, "--format=csv", "--out"];
    let whole = export(&database, directory.path(), &[&args[..], &["whole.csv"]].concat());
    assert_eq!(whole.0, Some(0), "{}", whole.2);
    let killed = [&["export"], &args[..], &["killed.csv"]].concat();
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let path = |name: &str| directory.path().join(name);
    let mut resumed = 0;
    while !path("killed.csv").exists() {
        let before = rows(&path("killed.csv.part.cursor"));
        let program = Program::start(directory.path(), &killed, &variables);
        until("it has come further", async || {
            rows(&path("killed.csv.part.cursor")) > before || path("killed.csv").exists()
        })
        .await;
        drop(program);
        resumed += u64::from(before > 0);
    }
    assert!(resumed > 0, "it was never killed in the middle");
    assert!(fs::read(path("whole.csv")).unwrap() == fs::read(path("killed.csv")).unwrap());
    assert_eq!(csv_of(&path("whole.csv")).len() as i64, COUNT + 1);
}

/// The rows that a cursor counts.
fn rows(cursor: &Path) -> u64 {
    let text = fs::read_to_string(cursor).unwrap_or_default();
    serde_json::from_str::<Json>(&text).map_or(0, |cursor| cursor["rows"].as_u64().unwrap())
}

async fn an_export_is_refused_that_would_have_gaps_or_does_not_exist(database: TestDatabase) {
    with_partners(&database).await;
    let directory = tempfile::tempdir().unwrap();
    let refused = |args: &[&str]| {
        let (code, said, complaint) =
            export(&database, directory.path(), &[args, &["--format=csv", "--out=-"]].concat());
        assert_eq!(said, "");
        (code, complaint.trim().to_owned())
    };
    let (code, complaint) = refused(&["payments", "--from=1h", "--to=4m"]);
    assert_eq!(
        (code, complaint.as_str()),
        (Some(2), "--to must lie at least 5 minutes back: before, rows may still come")
    );
    let (code, complaint) = refused(&["payments", "--from=1h", "--to=2h"]);
    assert_eq!((code, complaint.as_str()), (Some(2), "--from must lie before the end of the range"));
    let (code, complaint) = refused(&["payments", "--from=1h", "--partner=nobody"]);
    assert_eq!((code, complaint.as_str()), (Some(1), "there is no partner nobody"));
    assert_eq!(refused(&["customers", "--from=1h"]).0, Some(2));
    let (code, _, complaint) =
        export(&database, directory.path(), &["events", "--from=1h", "--format=parquet", "--out=-"]);
    assert_eq!((code, complaint.trim()), (Some(2), "--format parquet needs a file, --out FILE"));
    save_intent(&database.store().await, &paid_intent(acme())).await;
    database.execute("UPDATE payment_intents SET details = progress").await;
    let all = ["payments", "--from=2000-01-01T00:00:00Z", "--format=csv", "--out=books.csv"];
    let (code, _, complaint) = export(&database, directory.path(), &all);
    assert_eq!((code, directory.path().join("books.csv").exists()), (Some(1), false));
    assert!(complaint.contains("pi_") && complaint.contains("master key"), "{complaint}");
}

/// The most memory that an export may take, in KiB: the program, 500 rows, and 20,000 as Parquet.
const MOST_MEMORY: usize = 120 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; EXPORTED_ROWS says how many rows, a million otherwise"]
async fn a_million_rows_take_no_more_memory_than_a_thousand() {
    let count = std::env::var("EXPORTED_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let database = TestDatabase::in_directory(directory.path());
    many(&database, count).await;
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let (from, to) = (NOW.to_string(), after(count).to_string());
    for format in ["csv", "jsonl", "parquet"] {
        let args = ["export", "payments", "--from", &from, "--to", &to, "--format", format, "--out", format];
        let (begun, mut most) = (std::time::Instant::now(), 0);
        let mut program = Program::start(directory.path(), &args, &variables);
        while !directory.path().join(format).exists() {
            most = program.memory_kib().max(most);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(program.exit_code().await, Some(0), "{}", program.said());
        let bytes = fs::metadata(directory.path().join(format)).unwrap().len();
        println!("{format}: {count} rows, {bytes} bytes, {:.1?}, {most} KiB at most", begun.elapsed());
        assert!(most < MOST_MEMORY, "{format}: {most} KiB");
    }
    if let Ok(keep) = std::env::var("EXPORTED_TO") {
        fs::copy(directory.path().join("parquet"), keep).unwrap();
    }
}
