//! The audit log: every decision of a person is in it, and nobody who can only write the database changes it unnoticed.

use std::{collections::BTreeMap, time::Duration};

use corefy_gateway::{
    app::{audit::AuditLog, risk::Risk, webhook_admin::WebhookAdmin},
    domain::{
        audit::{Anchor, AuditAction, AuditFault, AuditFilter, AuditRecord},
        environment::Environment,
        key_pair::PublicKey,
        risk::lists::ListKind,
    },
    pb,
    store::{Store, WebhookFilter},
};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use tokio::time::sleep;

use crate::support::{
    app::{TestApp, create_key},
    database::{TestDatabase, master_key_text},
    operator::note,
    program::{Program, output},
};

crate::on_both!(
    what_is_decided_by_command_is_audited_with_its_author_and_reason,
    a_key_s_decision_is_audited_under_its_name,
    rows_that_were_changed_removed_or_moved_are_named,
    rows_that_were_forged_are_named_and_none_is_added_behind_them,
    a_log_that_was_cut_is_found_by_what_the_gateway_logged,
    settings_are_audited_when_they_change,
    the_commands_list_verify_and_export,
    commands_that_are_killed_leave_a_log_that_is_whole,
);

fn log(store: Store) -> AuditLog {
    AuditLog::new(store, Environment::system())
}

/// All entries, oldest first.
async fn entries(database: &TestDatabase) -> Vec<AuditRecord> {
    let mut entries = log(database.store().await).list(&AuditFilter::default(), 1000).await.unwrap();
    entries.reverse();
    entries
}

/// The faults of the log.
async fn faults(database: &TestDatabase, anchor: Option<&Anchor>) -> Vec<AuditFault> {
    let mut faults = Vec::new();
    let verified = log(database.store().await).verify(anchor, |fault| faults.push(fault.clone())).await.unwrap();
    assert_eq!(verified.faults, faults.len() as u64);
    faults
}

/// Makes so many keys, each of which is a decision.
async fn decide(database: &TestDatabase, count: u32) {
    for _ in 0..count {
        create_key(database, &Environment::system(), |_| {}).await;
    }
}

fn json(text: Option<&String>) -> Json {
    serde_json::from_str(text.unwrap()).unwrap()
}

async fn what_is_decided_by_command_is_audited_with_its_author_and_reason(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    app.process_webhooks().await;
    let public = PublicKey::parse(app.key().split_once(':').unwrap().0).unwrap();
    let keys = app.keys().await;
    let pair = keys.rotate(&public, Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(keys.revoke(&public).await.unwrap());
    assert!(!keys.revoke(&public).await.unwrap(), "what changes nothing is no decision");
    let webhooks = WebhookAdmin::new(app.database.store().await, app.environment.clone());
    let webhook = webhooks.list(&WebhookFilter::default(), 1).await.unwrap().remove(0);
    assert!(webhooks.replay_one(&webhook.id, &note()).await.unwrap());
    let risk = Risk::new(app.database.store().await, app.environment.clone());
    risk.create_list("good_cards", ListKind::Card, &note()).await.unwrap();

    let entries = entries(&app.database).await;
    let told: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.object.as_str())).collect();
    let public = public.as_str();
    let expected = [
        ("key.create", public),
        ("key.rotate", public),
        ("key.revoke", public),
        ("webhook.replay", webhook.id.as_str()),
        ("risk.list.create", "good_cards"),
    ];
    assert_eq!(told, expected);
    assert!(entries.iter().all(|entry| entry.author() == "jane@bastion" && entry.reason == "a test"));
    assert_eq!(json(entries[0].after.as_ref())["name"], "tests");
    assert_eq!(json(entries[3].before.as_ref())["state"], "processed");
    let shown = format!("{entries:?}");
    let secret = pair.expose_secret().split_once(':').unwrap().1;
    assert!(!shown.contains(secret), "{shown}");
    assert_eq!(faults(&app.database, None).await, []);
}

async fn a_key_s_decision_is_audited_under_its_name(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let request = pb::CreateListRequest {
        name: "good_cards".to_owned(),
        kind: pb::RiskListKind::Card.into(),
        reason: "regulars".to_owned(),
    };
    client.create_list(request).await.unwrap();
    let filter = AuditFilter { actions: vec![AuditAction::RiskListCreate], ..AuditFilter::default() };
    let found = log(app.database.store().await).list(&filter, 10).await.unwrap();
    let [entry] = &found[..] else { panic!("{found:?}") };
    let public = app.key().split_once(':').unwrap().0;
    assert_eq!((entry.actor_kind.as_str(), entry.actor.as_str(), entry.reason.as_str()), ("key", public, "regulars"));
}

async fn rows_that_were_changed_removed_or_moved_are_named(database: TestDatabase) {
    decide(&database, 9).await;
    assert_eq!(faults(&database, None).await, []);
    database.execute("UPDATE audit_log SET actor = 'john' WHERE sequence = 2").await;
    database.execute("DELETE FROM audit_log WHERE sequence IN (4, 5)").await;
    for (from, to) in [(7, 100), (8, 7), (100, 8)] {
        database.execute(&format!("UPDATE audit_log SET sequence = {to} WHERE sequence = {from}")).await;
    }
    let expected =
        [AuditFault::Changed(2), AuditFault::Missing(4, 5), AuditFault::Moved(7, 8), AuditFault::Moved(8, 7)];
    assert_eq!(faults(&database, None).await, expected);
    database.execute("DELETE FROM audit_log WHERE sequence >= 8").await;
    assert_eq!(faults(&database, None).await.last(), Some(&AuditFault::Missing(8, 9)));
}

async fn rows_that_were_forged_are_named_and_none_is_added_behind_them(database: TestDatabase) {
    decide(&database, 2).await;
    let columns =
        "id, made_at, actor_kind, actor, host, action, object_kind, object, reason, value_before, value_after";
    let copy = format!(
        "INSERT INTO audit_log (sequence, {columns}, previous_hash, hash)
         SELECT 3, 'aud_forged', made_at, actor_kind, 'john', host, action, object_kind, object, reason, value_before,
             value_after, hash, hash FROM audit_log WHERE sequence = 2"
    );
    database.execute(&copy).await;
    assert_eq!(faults(&database, None).await, [AuditFault::Beyond(3)]);
    database.execute("UPDATE audit_head SET sequence = 3").await;
    assert_eq!(faults(&database, None).await, [AuditFault::HeadForged, AuditFault::Changed(3)]);
    let store = database.store().await;
    let settings = BTreeMap::from([("GATEWAY_LOG".to_owned(), "debug".to_owned())]);
    assert!(log(store).note_settings(&settings, "host").await.is_err());
    assert_eq!(entries(&database).await.len(), 3);
}

async fn a_log_that_was_cut_is_found_by_what_the_gateway_logged(database: TestDatabase) {
    decide(&database, 2).await;
    database.execute("CREATE TABLE saved AS SELECT * FROM audit_head").await;
    decide(&database, 1).await;
    let last = entries(&database).await.pop().unwrap();
    let anchor = Anchor { sequence: 3, hash: last.hash.clone().try_into().unwrap() };
    assert_eq!(faults(&database, Some(&anchor)).await, []);
    database.execute("DELETE FROM audit_log WHERE sequence = 3").await;
    assert_eq!(faults(&database, None).await, [AuditFault::Missing(3, 3)]);
    let back = "UPDATE audit_head SET sequence = (SELECT sequence FROM saved), hash = (SELECT hash FROM saved),
         seal = (SELECT seal FROM saved)";
    database.execute(back).await;
    assert_eq!(faults(&database, None).await, [], "everything is as it once was");
    assert_eq!(faults(&database, Some(&anchor)).await, [AuditFault::AnchorMissing(3)]);
    decide(&database, 1).await;
    assert_eq!(faults(&database, Some(&anchor)).await, [AuditFault::AnchorDiffers(3)]);
}

async fn settings_are_audited_when_they_change(database: TestDatabase) {
    let settings = |level: &str| BTreeMap::from([("GATEWAY_LOG".to_owned(), level.to_owned())]);
    for level in ["info", "info", "debug"] {
        log(database.store().await).note_settings(&settings(level), "gateway-1").await.unwrap();
    }
    let entries = entries(&database).await;
    let [first, second] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((first.author().as_str(), &first.before), ("gateway@gateway-1", &None));
    assert_eq!(json(second.before.as_ref())["GATEWAY_LOG"], "info");
    assert_eq!(json(second.after.as_ref())["GATEWAY_LOG"], "debug");
}

/// Runs the program on the database: its exit code, and what it said to standard output and standard error.
fn run(database: &TestDatabase, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    let output = output(directory.path(), args, &variables);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn the_commands_list_verify_and_export(database: TestDatabase) {
    decide(&database, 3).await;
    let create = ["keys", "create", "--partner-name=Acme", "--key-name=audited", "--reason=a new shop"];
    let (code, pair, why) = run(&database, &create);
    assert_eq!(code, Some(0), "{why}");
    let public = pair.split_once(':').unwrap().0;

    let (_, list, _) = run(&database, &["audit", "list", "--limit=2"]);
    assert!(list.lines().count() == 3 && list.lines().nth(1).unwrap().ends_with("a new shop"), "{list}");
    let (_, list, _) = run(&database, &["audit", "list", "--object", public, "--format=json"]);
    let row: Json = serde_json::from_str(&list).unwrap();
    assert_eq!((&row["sequence"], &row["after"]["name"]), (&4.into(), &"audited".into()));
    let (code, _, why) = run(&database, &["audit", "list", "--action=key.steal"]);
    assert!(code == Some(2) && why.contains("key.revoke"), "{why}");

    let (code, faults, end) = run(&database, &["audit", "verify"]);
    let head = format!("4:{}", row["hash"].as_str().unwrap());
    assert_eq!((code, faults.as_str()), (Some(0), ""));
    assert!(end.contains(&format!("the log ends with {head}")), "{end}");
    assert_eq!(run(&database, &["audit", "verify", "--head", &head]).0, Some(0));
    let (code, exported, _) = run(&database, &["audit", "export", "--from=2020-01-01T00:00:00Z"]);
    let sequences: Vec<_> =
        exported.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["sequence"].clone()).collect();
    assert_eq!((code, sequences), (Some(0), [1, 2, 3, 4].map(Json::from).to_vec()));
    let (_, list, _) = run(&database, &["audit", "list", "--action=audit.export"]);
    assert_eq!(list.lines().count(), 2, "the export is audited: {list}");

    database.execute("UPDATE audit_log SET reason = 'none' WHERE sequence = 4").await;
    let (code, faults, why) = run(&database, &["audit", "verify"]);
    assert_eq!((code, faults.as_str(), why.as_str()), (Some(1), "row 4 was changed\n", "1 fault in 5 rows\n"));
}

async fn commands_that_are_killed_leave_a_log_that_is_whole(database: TestDatabase) {
    /// Commands that are begun, of which every second is killed.
    const COMMANDS: u64 = 12;
    decide(&database, 1).await;
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    let args = ["keys", "create", "--partner-name=Acme", "--key-name=killed"];
    let mut running = Vec::new();
    for number in 0..COMMANDS {
        let command = Program::start(directory.path(), &args, &variables);
        if number % 2 == 0 {
            sleep(Duration::from_millis(25 * number)).await;
            // Kills it, if it runs still.
            drop(command);
        } else {
            running.push(command);
        }
    }
    for command in &mut running {
        assert_eq!(command.exit_code().await, Some(0), "{}", command.said());
    }
    assert_eq!(faults(&database, None).await, []);
    let made = database.store().await.read().await.unwrap().api_keys(None).await.unwrap().len();
    assert!(made > running.len());
    assert_eq!(entries(&database).await.len(), made, "each key has its entry");
}
