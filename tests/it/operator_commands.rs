//! The operators' commands, run as they are: `operations`, `webhooks`, `keys rotate`, `doctor` and `migrate`.

use std::{net::TcpListener, os::unix::fs::PermissionsExt as _, time::Duration};

use corefy_gateway::{
    app::{operations::OperationAdmin, webhook_admin::WebhookAdmin},
    config::local::SandboxKeys,
    domain::ids::{Ids, OperationId, WebhookId},
    domain::list_filters::OperationFilter,
    domain::master_key::{MasterKey, MasterKeys},
    pb::{self, PaymentIntentState as State},
    store::WebhookFilter,
};
use secrecy::ExposeSecret as _;

use crate::support::{
    app::{CLOSED_PORT, TestApp, until},
    client::Client,
    database::{TestDatabase, master_key, master_key_text},
    program::{Variables, output},
};

crate::on_both!(
    the_commands_do_as_the_use_cases,
    what_was_received_in_part_is_stated_on_the_command_line,
    a_recheck_has_the_running_gateway_ask_corefy,
    lists_are_filtered_and_bounded,
    what_is_not_there_is_named,
    the_doctor_finds_what_is_well_and_what_is_not,
    migrate_says_from_which_version_to_which,
);

/// Not charged: HTTP 500.
const NOT_CHARGED_500: &str = "4000000000005001";

/// An intent over 10.00 whose confirmation is in doubt.
async fn in_doubt(client: &Client) -> String {
    let intent = client.intent("10.00").await;
    assert_eq!(client.confirm(&intent.id, NOT_CHARGED_500).await.unwrap().state(), State::Processing);
    intent.id
}

/// The only operation that is in doubt or needs an operator.
async fn open_operation(app: &TestApp) -> OperationId {
    let operations = OperationAdmin::new(app.database.store().await, app.environment.clone());
    let open = operations.list(&OperationFilter::default(), 9).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].operation.id.clone()
}

/// Webhooks that were worked off, newest first.
async fn processed_webhooks(app: &TestApp) -> Vec<WebhookId> {
    let client = app.client().await;
    for _ in 0..2 {
        client.paid_intent("10.00").await;
    }
    app.process_webhooks().await;
    let inbox = WebhookAdmin::new(app.database.store().await, app.environment.clone());
    let webhooks = inbox.list(&WebhookFilter::default(), 100).await.unwrap();
    assert_eq!(webhooks.len(), 2, "{webhooks:?}");
    webhooks.into_iter().map(|webhook| webhook.id).collect()
}

/// Runs the program on the app's database: its exit code, and what it said to standard output and standard error.
fn run(app: &TestApp, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    said(&output(directory.path(), args, &variables))
}

fn said(output: &std::process::Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn the_commands_do_as_the_use_cases(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let webhooks = processed_webhooks(&app).await;
    let id = in_doubt(&client).await;
    let operation = open_operation(&app).await.to_string();

    let (_, list, _) = run(&app, &["operations", "list"]);
    assert!(list.lines().count() == 2 && list.contains(&operation) && list.contains(&id), "{list}");
    let (_, list, _) = run(&app, &["operations", "list", "--kind=create_refund"]);
    assert_eq!(list.lines().count(), 1, "the head alone");
    let resolve = ["operations", "resolve", &operation, "--outcome=failed"];
    let (code, _, why) = run(&app, &resolve);
    assert!(code == Some(2) && why.contains("--reason"), "{why}");
    let resolve = [&resolve[..], &["--reason=Corefy's support: never arrived"]].concat();
    let (code, told, why) = run(&app, &resolve);
    assert_eq!((code, told), (Some(0), format!("{operation} is resolved as failed\n")), "{why}");
    let (code, _, why) = run(&app, &resolve);
    assert!(code == Some(1) && why.contains("it is done"), "{why}");
    let (_, shown, _) = run(&app, &["operations", "show", &operation]);
    for part in ["requires_payment_method", "resolved_by_operator", "payment_intent.payment_failed", "never arrived"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("payer@example.com"), "{shown}");

    let (_, list, _) = run(&app, &["webhooks", "list", "--state=processed", "--limit=1"]);
    assert!(list.lines().count() == 2 && list.contains(webhooks[0].as_str()), "{list}");
    let (_, shown, _) = run(&app, &["webhooks", "show", webhooks[0].as_str()]);
    assert!(shown.contains("127.0.0.1") && shown.contains("SHA-256") && shown.contains("body"), "{shown}");
    let (code, told, _) = run(&app, &["webhooks", "replay", webhooks[0].as_str()]);
    assert!(code == Some(0) && told.contains("is due again"), "{told}");
    let (code, _, why) = run(&app, &["webhooks", "replay", "--state=processed"]);
    assert!(code == Some(2) && why.contains("--yes"), "nobody is asked where nobody can answer: {why}");
    let (code, told, _) =
        run(&app, &["webhooks", "replay", "--state=processed", "--since=2026-01-01T00:00:00Z", "--yes"]);
    assert!(code == Some(0) && told.starts_with(&format!("{} due again", webhooks.len() - 1)), "{told}");

    let public = app.key().split_once(':').unwrap().0;
    let (code, pair, note) = run(&app, &["keys", "rotate", public, "--overlap-hours=1"]);
    assert!(code == Some(0) && pair.starts_with(public) && note.contains("the one before until"), "{pair} {note}");
    app.clock.advance(Duration::from_secs(10));
    let client = app.client_with(pair.trim_end()).await;
    client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap();
}

async fn what_was_received_in_part_is_stated_on_the_command_line(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client).await;
    let operation = open_operation(&app).await.to_string();
    let resolve = |outcome: &str, received: &str| {
        let (outcome, received) = (format!("--outcome={outcome}"), format!("--received-amount={received}"));
        run(&app, &["operations", "resolve", &operation, &outcome, &received, "--reason=the acquirer's statement"])
    };
    let (code, _, why) = resolve("failed", "4.00");
    assert!(code == Some(2) && why.contains("--received-amount goes with --outcome succeeded only"), "{why}");
    let (code, _, why) = resolve("succeeded", "10.01");
    assert_eq!(code, Some(1), "{why}");
    let (code, _, why) = resolve("succeeded", "4.001");
    assert!(code == Some(1) && why.contains("the received amount"), "{why}");
    let (code, told, why) = resolve("succeeded", "4.00");
    assert_eq!((code, told), (Some(0), format!("{operation} is resolved as succeeded\n")), "{why}");
    let intent = client.get(&id).await;
    assert_eq!((intent.state(), intent.amount_received.as_str()), (State::PartiallyPaid, "4.00"));
}

async fn a_recheck_has_the_running_gateway_ask_corefy(database: TestDatabase) {
    // By the time of day: the command says that payments are due now.
    let app = TestApp::start_running(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let id = client.intent("10.00").await.id;
    app.sandbox.charge_late(&id).unwrap();
    let (code, told, why) = run(&app, &["operations", "recheck", "--since=1h"]);
    let expected = "1 payment is due for a look; the running gateway asks Corefy about it\n";
    assert_eq!((code, told.as_str()), (Some(0), expected), "{why}");
    until("the payment is known to be paid", async || {
        let all = client.intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().payment_intents;
        all.iter().all(|intent| intent.state() == State::Succeeded)
    })
    .await;
    app.assert_books_agree(&client, &id).await;
    let (_, audited, _) = run(&app, &["audit", "list", "--action=operation.recheck", "--format=json"]);
    assert!(audited.lines().count() == 1 && audited.contains(r#""after":{"since":""#), "{audited}");

    let (code, told, _) = run(&app, &["operations", "recheck", "--since=2100-01-01T00:00:00Z"]);
    assert!(code == Some(0) && told == "no payment was created or changed since then\n", "{told}");
    for wrong in [&["operations", "recheck"][..], &["operations", "recheck", "--since=yesterday"]] {
        let (code, _, why) = run(&app, wrong);
        assert!(code == Some(2) && why.contains("--since"), "{wrong:?}: {why}");
    }
}

async fn lists_are_filtered_and_bounded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let webhooks = processed_webhooks(&app).await;
    in_doubt(&app.client().await).await;
    let count = |args: &[&str]| {
        let (code, list, why) = run(&app, args);
        assert_eq!(code, Some(0), "{args:?}: {why}");
        list.lines().count() - 1
    };
    assert_eq!(count(&["operations", "list", "--partner=acme", "--kind=confirm_payment_intent"]), 1);
    assert_eq!(count(&["operations", "list", "--partner=nobody"]), 0);
    assert_eq!(count(&["operations", "list", "--state=needs_operator"]), 0);
    assert_eq!(count(&["webhooks", "list", "--event-type=payment.succeeded"]), webhooks.len());
    assert_eq!(count(&["webhooks", "list", "--event-type=payment.failed"]), 0);
    assert_eq!(count(&["webhooks", "list", "--since=2100-01-01T00:00:00Z"]), 0);
    for wrong in ["--limit=0", "--limit=1001", "--state=done"] {
        for command in ["operations", "webhooks"] {
            let (code, _, why) = run(&app, &[command, "list", wrong]);
            assert!(code == Some(2) && why.contains(wrong.split('=').next().unwrap()), "{command} {wrong}: {why}");
        }
    }
}

async fn what_is_not_there_is_named(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (operation, webhook) =
        (OperationId::generate(&Ids::system()).to_string(), WebhookId::generate(&Ids::system()).to_string());
    let resolve = ["operations", "resolve", &operation, "--outcome=failed", "--reason=x"];
    for (args, id) in [
        (&["operations", "show", &operation][..], &operation),
        (&resolve, &operation),
        (&["webhooks", "show", &webhook], &webhook),
        (&["webhooks", "replay", &webhook], &webhook),
    ] {
        let (code, told, why) = run(&app, args);
        assert!(code == Some(1) && told.is_empty() && why.contains(id.as_str()), "{args:?}: {told}{why}");
    }
    for args in [["operations", "show", "op_1"], ["webhooks", "show", "wh_1"], ["keys", "rotate", "pk_1"]] {
        let (code, _, why) = run(&app, &args);
        assert!(code == Some(2) && why.contains(args[2]), "{args:?}: {why}");
    }
}

async fn the_doctor_finds_what_is_well_and_what_is_not(database: TestDatabase) {
    // By the time of day: Corefy refuses what is signed at another time.
    let app = TestApp::start_running(database).await;
    app.client().await.intent("1.00").await;
    let directory = tempfile::tempdir().unwrap();
    let (keys, master_key) = (SandboxKeys::default(), master_key_text());
    let (base_url, nobody) = (app.sandbox.base_url().to_string(), CLOSED_PORT.to_string());
    let well = [
        ("COREFY_API_KEY", keys.api_key.expose_secret()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
        ("COREFY_WEBHOOK_SECRET", keys.webhook_secret.expose_secret()),
        ("COREFY_BASE_URL", base_url.as_str()),
        ("DATABASE_URL", app.database.url()),
        ("GATEWAY_MASTER_KEY", master_key.expose_secret()),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
    ];
    let doctor = |changes: &Variables<'_>| said(&output(directory.path(), &["doctor"], &[&well[..], changes].concat()));
    let (code, told, why) = doctor(&[]);
    assert!(
        told.contains("is up to date") && told.contains("can be written") && told.contains("opens what is stored"),
        "{told}"
    );
    assert!(told.contains("1 of 1 can be used") && told.contains("is free"), "{told}");
    assert!(code == Some(0) && told.contains("accepts the credentials"), "{told}{why}");
    assert!(told.contains("ok    account         it can be paid by card"), "{told}");
    assert!(told.contains("ok    webhooks        no webhook ever came"), "{told}");
    app.sandbox.set_webhook_url(None);
    app.client().await.paid_intent("1.00").await;
    let (code, told, why) = doctor(&[]);
    assert!(code == Some(0) && told.contains("no webhook ever came, though payments succeeded since"), "{told}{why}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let unreachable = format!("http://{nobody}");
    let gateway = app.server.http_addr.to_string();
    for (variable, value, found) in [
        ("COREFY_API_KEY", "another-key", "fail  Corefy"),
        ("COREFY_BASE_URL", unreachable.as_str(), "cannot be reached"),
        ("GATEWAY_MASTER_KEY", "another-master-key-0123456789012345", "fail  master key"),
        ("GATEWAY_GRPC_ADDR", taken.as_str(), "another program has"),
        ("DATABASE_URL", "postgres://127.0.0.1:1/none", "fail  database"),
        ("GATEWAY_RISK_BIN_TABLE", "none.csv", "fail  risk            GATEWAY_RISK_BIN_TABLE: none.csv: No such file"),
        ("COREFY_RETRY_COUNT", "many", "fail  settings        COREFY_RETRY_COUNT"),
    ] {
        let (code, told, why) = doctor(&[(variable, value)]);
        assert!(code == Some(1) && told.contains(found) && why.contains("to fix"), "{variable}: {told}{why}");
    }
    for (variable, value, found) in [
        ("COREFY_WEBHOOK_SECRET", "", "warn  webhooks"),
        ("GATEWAY_CURRENCIES", "USD,XPF", "GATEWAY_CURRENCIES has XPF, in which the account has no payment method"),
        ("GATEWAY_RISK_RATES", "USD=1,EUR=1.08", "ok    risk            usable: GATEWAY_RISK_RATES"),
        ("DATABASE_URL", "sqlite://none.db", "does not exist yet"),
        ("GATEWAY_HTTP_ADDR", gateway.as_str(), "a gateway is ready there"),
    ] {
        let (_, told, _) = doctor(&[(variable, value)]);
        assert!(told.contains(found), "{variable}: {told}");
    }
    assert!(!directory.path().join("none.db").exists(), "the doctor makes nothing");
    if let Some(path) = app.database.url().strip_prefix("sqlite://") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (_, told, _) = doctor(&[]);
        assert!(told.contains("warn  database file") && told.contains("chmod 600"), "{told}");
    }

    let next = "the-next-master-key-of-the-tests-0123456789";
    let both = MasterKeys { current: MasterKey::new(next.into()), other: Some(self::master_key()) };
    app.database.store_under(&both).await.close().await;
    let (_, told, _) = doctor(&[("GATEWAY_MASTER_KEY_OTHER", next)]);
    assert!(told.contains("warn  master key      is being changed"), "{told}");
    let (code, told, _) = doctor(&[]);
    assert!(code == Some(1) && told.contains("GATEWAY_MASTER_KEY_OTHER is needed until"), "{told}");
}

async fn migrate_says_from_which_version_to_which(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let migrate = || said(&output(directory.path(), &["migrate"], &[("DATABASE_URL", database.url())]));
    let (code, told, why) = migrate();
    assert!(code == Some(0) && told.starts_with("the database went from version 0 to version "), "{told}{why}");
    let newest = told.split("to version ").nth(1).unwrap().split(',').next().unwrap();
    let (code, told, _) = migrate();
    assert_eq!((code, told), (Some(0), format!("the database is up to date, at version {newest}\n")));
}
