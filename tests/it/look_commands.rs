//! The commands that support looks with: `calls` and `timeline`.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::{
    on_both,
    support::{
        app::{TestApp, until},
        client::APPROVED,
        database::{TestDatabase, master_key_text},
        program::{Program, output},
    },
};

on_both![
    the_log_of_calls_is_shown_as_a_table,
    the_log_of_calls_is_followed,
    a_timeline_is_shown_line_by_line,
    what_is_not_there_is_not_shown,
];

const DECLINED: &str = "4000000000009995";

/// Runs the program on the app's database: its exit code, what it said, and what it complained of.
fn run(app: &TestApp, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let output = output(directory.path(), args, &variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn shown(app: &TestApp, args: &[&str]) -> String {
    let (code, said, complaint) = run(app, args);
    assert_eq!(code, Some(0), "{args:?}: {complaint}");
    said
}

async fn written(app: &TestApp) {
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
}

/// The cells of each row, without the head.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
}

async fn the_log_of_calls_is_shown_as_a_table(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.paid_intent("10.00").await;
    let second = client.intent("20.00").await;
    client.refund(&first.id, "10.63").await.ok();
    client.refund(&first.id, "1.63").await.unwrap_err();
    written(&app).await;

    let all = shown(&app, &["calls"]);
    assert!(all.starts_with("TIME "), "{all}");
    let told: Vec<_> = rows(&all).iter().map(|row| row[1..4].join(" ")).collect();
    let expected = [
        "payment_intent.create succeeded 201",
        "payment_intent.confirm succeeded 200",
        "payment_intent.create succeeded 201",
        "refund.create rejected 422",
    ];
    assert_eq!(told, expected, "{all}");
    assert_eq!(rows(&all)[3][5], "refund_refused", "{all}");
    assert!(rows(&all).iter().all(|row| row[0] == "2026-11-23T10:00:00Z"), "{all}");

    let count = |args: &[&str]| rows(&shown(&app, &[&["calls"], args].concat())).len();
    assert_eq!(count(&["--limit=1"]), 1);
    assert_eq!(count(&["--failed"]), 1);
    assert_eq!(count(&["--operation=payment_intent.create"]), 2);
    assert_eq!(count(&["--object", &first.payment_id]), 3);
    assert_eq!(count(&["--object", &second.id]), 1);
    assert_eq!(count(&["--partner=acme"]), 4);
    assert_eq!(count(&["--partner=nobody"]), 0);
    let request = rows(&all)[0][7].to_owned();
    assert_eq!(count(&["--request", &request]), 1);
}

async fn the_log_of_calls_is_followed(database: TestDatabase) {
    // By the time of day: the command looks for calls of the last minutes.
    let app = TestApp::start_running(database).await;
    let client = app.client().await;
    client.intent("10.00").await;
    until("the log is written", async || shown(&app, &["calls"]).lines().count() == 2).await;
    let directory = tempfile::tempdir().unwrap();
    let master_key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let mut follower = Program::start(directory.path(), &["calls", "--follow"], &variables);
    assert_eq!(follower.word_after("payment_intent.create").await, "succeeded");
    let intent = client.intent("20.00").await;
    client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!(follower.word_after("payment_intent.confirm").await, "succeeded");
    tokio::time::timeout(Duration::from_secs(20), async {
        follower.terminate();
        assert_eq!(follower.exit_code().await, Some(0), "{}", follower.said());
    })
    .await
    .unwrap();
    let said = follower.said();
    let lines: std::collections::HashSet<_> = said.lines().collect();
    assert_eq!(lines.len(), said.lines().count(), "the head and each call once: {said}");
}

async fn a_timeline_is_shown_line_by_line(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.clock.advance(Duration::from_secs(1));
    client.confirm(&intent.id, DECLINED).await.unwrap();
    written(&app).await;
    let timeline = shown(&app, &["timeline", &intent.id]);
    assert_eq!(timeline.lines().count(), 9, "{timeline}");
    assert!(timeline.lines().all(|line| line.starts_with("2026-11-23T10:00:0") && line.contains(&intent.id)));
    for part in [
        "Z      rpc            CreatePaymentIntent was called.",
        "upstream call  payment_intent.create: POST /v1/payment-intents answered HTTP 201",
        "transition     payment_intent.payment_failed: the payment intent is in state requires_payment_method (insufficient_funds).",
        ", op_",
        ", call_",
        ", evt_",
        ", request ",
    ] {
        assert!(timeline.contains(part), "{part} is not in\n{timeline}");
    }
    assert_eq!(shown(&app, &["timeline", &intent.payment_id]), timeline);
}

async fn what_is_not_there_is_not_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert_eq!(shown(&app, &["calls"]).lines().count(), 1, "the head alone");
    let (code, _, complaint) = run(&app, &["timeline", "pi_00000000000000000000000000000000"]);
    assert_eq!((code, complaint.as_str()), (Some(1), "there is no such payment\n"));
}
