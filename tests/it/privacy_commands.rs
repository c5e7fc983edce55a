//! The commands about a person's data: `privacy`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use corefy_gateway::{
    domain::audit::{AuditAction, AuditFilter},
    pb,
    pb::export_personal_data_request::Person as ExportedPerson,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::support::{
    app::TestApp,
    client::Client,
    database::{TestDatabase, master_key_text},
    person::{customer, intent_of, lives, opened, places},
    program::output,
};

crate::on_both!(
    a_person_is_exported_by_a_command_as_by_the_call,
    a_person_is_erased_by_a_command_and_the_gateway_takes_the_steps,
    after_a_restore_the_erasures_since_the_back_up_are_begun_again,
    an_erasure_whose_payments_are_under_way_waits_and_a_broken_file_begins_nothing,
);

const CANARY: &str = "canary-bird";
const OTHER: &str = "other-bird";
/// Longer than any call may take.
const LONGEST_CALL: Duration = Duration::from_secs(300);

/// The end of a command: its exit code, what it said, and what it complained of.
type Ended = (Option<i32>, String, String);

/// Runs `privacy` on the app's database, in `directory`.
fn run(app: &TestApp, directory: &Path, args: &[&str]) -> Ended {
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let output = output(directory, &[&["privacy"], args].concat(), &variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn said(app: &TestApp, directory: &Path, args: &[&str]) -> String {
    let (code, said, complaint) = run(app, directory, args);
    assert_eq!(code, Some(0), "{args:?}: {complaint}");
    said
}

/// Takes all steps of the erasures that were asked for.
async fn finish(app: &TestApp) {
    for _ in 0..2 {
        while app.server.app.payments.step_erasures().await.unwrap() > 0 {}
        app.clock.advance(LONGEST_CALL);
    }
}

async fn left(app: &TestApp, text: &str) -> usize {
    places(&opened(&app.database).await, text).len()
}

async fn exported(client: &Client, person: ExportedPerson) -> Vec<String> {
    let request = pb::ExportPersonalDataRequest { person: Some(person), page_size: 100, ..Default::default() };
    let document = client.export_personal_data(request).await.unwrap().into_inner().document;
    records(&document)
}

/// The records of a document, in one order.
fn records(document: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(document).unwrap();
    assert!(document["exported_at"].is_string());
    let mut records: Vec<_> = document["records"].as_array().unwrap().iter().map(ToString::to_string).collect();
    records.sort();
    records
}

async fn a_person_is_exported_by_a_command_as_by_the_call(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    lives(&app, &client, OTHER).await;
    let directory = tempfile::tempdir().unwrap();
    let by_call = exported(&client, ExportedPerson::CustomerId(person.customer.id.clone())).await;
    let customer = ["export", "--customer", &person.customer.id, "--reason", "a letter", "--out", "jane.json"];
    said(&app, directory.path(), &customer);
    let file = directory.path().join("jane.json");
    assert!(by_call.len() > 10 && records(&fs::read_to_string(&file).unwrap()) == by_call);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    let (code, _, complaint) = run(&app, directory.path(), &customer);
    assert!(code == Some(1) && complaint.contains("jane.json") && fs::read(&file).unwrap() == before, "{complaint}");

    let email = format!("{}@EXAMPLE.com", CANARY.to_uppercase());
    let by_email = ["export", "--email", &email, "--partner", "acme", "--reason", "a letter", "--out", "-"];
    assert!(records(&said(&app, directory.path(), &by_email)) == by_call);
    let by_other = ["export", "--email", &email, "--partner", "umbrella", "--reason", "a letter", "--out", "-"];
    assert!(records(&said(&app, directory.path(), &by_other)).is_empty());
    for (flags, complains_of) in [
        (&["--email", "a@example.com"][..], "--partner"),
        (&["--email", "nobody", "--partner", "acme"], "--email: must be an email address"),
        (&["--email", "-", "--partner", "acme"], "--email: must"),
        (&[], "--customer"),
    ] {
        let (code, _, complaint) = run(&app, directory.path(), &[&["export", "--reason=a", "--out=-"], flags].concat());
        assert!(code == Some(2) && complaint.contains(complains_of), "{complaint}");
    }
    let absent = person.customer.id[..person.customer.id.len() - 4].to_owned() + "0000";
    let absent = ["export", "--customer", &absent, "--reason=a", "--out", "absent.json"];
    assert_eq!(run(&app, directory.path(), &absent).0, Some(1));
    assert!(!directory.path().join("absent.json").exists(), "what could not be written is no file");

    let filter = AuditFilter { actions: vec![AuditAction::PersonalDataExport], ..AuditFilter::default() };
    let audited = app.server.app.audit.list(&filter, 9).await.unwrap();
    let kinds: Vec<_> = audited.iter().map(|row| (row.actor_kind.as_str(), row.reason.as_str())).collect();
    let operator = ("operator", "a letter");
    assert_eq!(kinds, [operator, operator, operator, ("key", "")], "the last first");
}

async fn a_person_is_erased_by_a_command_and_the_gateway_takes_the_steps(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    client.created(intent_of("", OTHER)).await;
    let directory = tempfile::tempdir().unwrap();
    let command = |args: &[&str]| said(&app, directory.path(), args);
    let begun = command(&["erase", "--customer", &person.customer.id, "--reason", "asked by letter 7"]);
    let line = begun.lines().find(|line| line.contains(&person.customer.id)).unwrap();
    let id = line.split_whitespace().nth(1).unwrap().to_owned();
    assert!(line.contains("first"), "{begun}");
    assert!(command(&["show", &id]).contains("asked by letter 7"));
    assert_eq!(command(&["erase", "--customer", &person.customer.id, "--reason", "again"]).lines().last(), Some(line));
    command(&["erase", "--email", &format!("{OTHER}@example.com"), "--partner=acme", "--reason", "letter 8"]);
    finish(&app).await;
    assert_eq!((left(&app, CANARY).await, left(&app, OTHER).await), (0, 0));

    assert!(command(&["show", &id]).lines().any(|line| line.starts_with("stage") && line.ends_with("done")));
    let table = command(&["erasures"]);
    assert!(table.lines().count() == 3 && table.contains(&id), "{table}");
    assert_eq!(command(&["erasures", "--partner=umbrella"]).lines().count(), 1);
    assert_eq!(command(&["erasures", "--from=2100-01-01T00:00:00Z"]).lines().count(), 1);
    let lines = command(&["erasures", "--format=jsonl", "--from=2026-01-01T00:00:00Z"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["customer_id"].as_str()), (2, Some(person.customer.id.as_str())));
    assert!(lines[1]["payer_hash"].as_str().unwrap().len() == 32 && lines[1]["finished_at"].is_string());

    let filter = AuditFilter { actions: vec![AuditAction::PersonalDataErase], ..AuditFilter::default() };
    let audited = app.server.app.audit.list(&filter, 9).await.unwrap();
    let said: Vec<_> = audited.iter().map(|row| (row.actor_kind.as_str(), row.reason.as_str())).collect();
    assert_eq!(said, [("operator", "letter 8"), ("operator", "asked by letter 7")]);
    assert!(!audited[0].host.is_empty());
}

async fn after_a_restore_the_erasures_since_the_back_up_are_begun_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, CANARY).await;
    client.created(intent_of("", "payer-bird")).await;
    lives(&app, &client, OTHER).await;
    let copy = app.database.back_up().await;
    let later = customer(&client, "later-bird").await;
    let directory = tempfile::tempdir().unwrap();
    for id in [&person.customer.id, &later.id] {
        said(&app, directory.path(), &["erase", "--customer", id, "--reason", "a letter"]);
    }
    let payer = ["erase", "--email", "payer-bird@example.com", "--partner=acme", "--reason", "a letter"];
    said(&app, directory.path(), &payer);
    finish(&app).await;
    said(&app, directory.path(), &["erasures", "--format=jsonl", "--out=erasures.jsonl"]);
    assert_eq!((left(&app, CANARY).await, left(&app, "payer-bird").await), (0, 0));

    let app = app.crash_and_restore(&copy).await;
    assert!(left(&app, CANARY).await > 0 && left(&app, "payer-bird").await > 0, "the copy has them");
    let others = left(&app, OTHER).await;
    let reapply = ["reapply", "erasures.jsonl", "--reason", "restored"];
    let first = said(&app, directory.path(), &reapply);
    assert_eq!(first, "2 begun, 0 known already, 1 of customers that are not here, 0 that must wait\n");
    let again = said(&app, directory.path(), &reapply);
    assert_eq!(again, "0 begun, 2 known already, 1 of customers that are not here, 0 that must wait\n");
    finish(&app).await;
    assert_eq!((left(&app, CANARY).await, left(&app, "payer-bird").await), (0, 0));
    assert_eq!(left(&app, OTHER).await, others, "somebody else has lost something");
    let file = fs::read_to_string(directory.path().join("erasures.jsonl")).unwrap();
    let ids = |text: &str| text.lines().map(|line| line[..46].to_owned()).collect::<Vec<_>>();
    let now = said(&app, directory.path(), &["erasures", "--format=jsonl"]);
    assert!(ids(&now).iter().all(|id| ids(&file).contains(id)), "{now} {file}");

    let filter = AuditFilter { actions: vec![AuditAction::PersonalDataReapply], ..AuditFilter::default() };
    let audited = app.server.app.audit.list(&filter, 9).await.unwrap();
    let after: Vec<_> = audited.iter().map(|row| row.after.as_deref().unwrap()).collect();
    assert_eq!(after[1], r#"{"absent":1,"begun":2,"known":0,"waiting":0}"#);
    assert_eq!((after.len(), audited[0].reason.as_str()), (2, "restored"));
}

async fn an_erasure_whose_payments_are_under_way_waits_and_a_broken_file_begins_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client, CANARY).await;
    let intent = client.created(intent_of(&customer.id, CANARY)).await;
    let copy = app.database.back_up().await;
    let directory = tempfile::tempdir().unwrap();
    said(&app, directory.path(), &["erase", "--customer", &customer.id, "--reason", "a letter"]);
    let line = said(&app, directory.path(), &["erasures", "--format=jsonl"]);
    let app = app.crash_and_restore(&copy).await;
    let file = directory.path().join("erasures.jsonl");
    let reapply = ["reapply", "erasures.jsonl", "--reason", "restored"];

    fs::write(&file, format!("{line}\n{{\"id\": \"era_1\"}}\n")).unwrap();
    let (code, _, complaint) = run(&app, directory.path(), &reapply);
    assert!(code == Some(1) && complaint.contains("erasures.jsonl line 3: missing field"), "{complaint}");
    fs::write(&file, &line).unwrap();
    let is_open = format!("UPDATE payment_intents SET state = 'processing' WHERE id = '{}'", intent.id);
    app.database.execute(&is_open).await;
    let (code, said_then, complaint) = run(&app, directory.path(), &reapply);
    assert!(
        code == Some(1) && said_then.starts_with("0 begun") && said_then.contains("1 that must wait"),
        "{said_then}"
    );
    assert!(complaint.contains(&line[7..43]), "it names the erasure: {complaint}");
    app.database.execute(&is_open.replace("'processing'", "'canceled'")).await;
    assert!(said(&app, directory.path(), &reapply).starts_with("1 begun"));
    finish(&app).await;
    assert_eq!(left(&app, CANARY).await, 0);
}
