//! `reconcile`, run as it is beside a gateway: what it finds by asking Corefy and in a file of its books, what it changes, and how it
//! goes on after it was killed.

use std::{collections::BTreeMap, path::Path, time::Duration};

use corefy_gateway::{
    config::local::SandboxKeys,
    domain::{clock::Clock, environment::Environment},
    pb::{self, DifferenceKind, PaymentIntentState as State, event::Object},
    sandbox::{
        Sandbox,
        faults::{Fault, Switches},
    },
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    golden::rows::dump,
    on_both,
    support::{
        app::{TestApp, start_sandbox, until},
        client::{Client, keyed, new_key, new_refund},
        database::{Backend, TestDatabase, master_key_text},
        process::{GatewayProcess, create_key},
        program::{Program, output},
    },
};

on_both![
    equal_books_have_no_difference_and_nothing_is_changed,
    each_difference_is_found_and_nothing_is_changed,
    what_is_under_way_is_pending_and_no_difference,
    what_differs_is_settled_by_corefy_s_word_and_told_by_an_event,
    a_file_of_corefy_s_shows_what_is_missing_on_either_side,
    what_a_file_shows_is_settled_beside_a_gateway_that_serves,
    a_comparison_that_is_killed_goes_on_where_it_was,
    what_corefy_does_not_answer_is_not_compared,
    wrong_flags_are_named,
];

/// The tables that a comparison may write to.
const WRITTEN: [&str; 5] = ["audit_log", "audit_head", "budgets", "budget_gateways", "_sqlx_migrations"];
const READ: &str = "/v1/payments/{id}";

/// The command on an app's database, and the directory that it runs in.
struct Bench {
    app: TestApp,
    client: Client,
    directory: TempDir,
}

/// The words of a run, and its exit code.
struct Said {
    code: Option<i32>,
    out: String,
    complaint: String,
}

impl Bench {
    async fn start(database: TestDatabase) -> Self {
        // By the time of day: Corefy refuses what is signed at another time.
        let app = TestApp::start_still(database).await;
        let client = app.client().await;
        app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
        Self { app, client, directory: tempfile::tempdir().unwrap() }
    }

    fn variables(&self) -> BTreeMap<&'static str, String> {
        variables(&self.app.sandbox, &self.app.database)
    }

    /// Runs the command with these flags beside those that all have, with changes young and old.
    fn run(&self, flags: &[&str]) -> Said {
        self.run_with(&[&["--from=1h", "--settling-seconds=0"], flags].concat())
    }

    fn run_with(&self, flags: &[&str]) -> Said {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let output = output(self.directory.path(), &[&["reconcile", "--quiet"], flags].concat(), &variables);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), complaint: text(output.stderr) }
    }

    /// Has Corefy show payments as somebody else has them.
    fn show(&self, shown: &[(&str, Value)]) {
        let shown_payments = shown.iter().map(|(name, members)| ((*name).to_owned(), members.clone())).collect();
        self.app.sandbox.faults().set(|switches| *switches = Switches { shown_payments, ..switches.clone() });
    }

    async fn refund(&self, payment: &str, amount: &str) -> pb::Refund {
        self.client
            .create_refund(keyed(&new_key(), new_refund(payment, amount)))
            .await
            .unwrap()
            .into_inner()
            .refund
            .unwrap()
    }

    /// The rows of all tables that a comparison must leave as they are.
    async fn rows(&self) -> Vec<String> {
        let is_left = |table: &str| !WRITTEN.contains(&table);
        if self.app.database.backend() == Backend::Sqlite {
            let rows = dump(&self.app.database).await;
            let table = |line: &str| line.split(' ').nth(2).unwrap_or_default().to_owned();
            return rows.lines().filter(|line| is_left(&table(line))).map(str::to_owned).collect();
        }
        let mut connection = PgConnection::connect(self.app.database.url()).await.unwrap();
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        let mut rows = Vec::new();
        for table in tables.iter().filter(|table| is_left(table)) {
            let select = format!("SELECT row_of::text FROM {table} row_of ORDER BY 1");
            rows.extend(
                sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap(),
            );
        }
        rows
    }

    /// The only entry of the audit log about comparisons.
    fn audited(&self) -> Value {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let list = ["audit", "list", "--action=books.reconcile", "--format=json"];
        let listed = String::from_utf8(output(self.directory.path(), &list, &variables).stdout).unwrap();
        assert_eq!(listed.lines().count(), 1, "{listed}");
        serde_json::from_str::<Value>(&listed).unwrap()["after"].clone()
    }
}

impl Said {
    /// The differences of a report in JSON, each as kind, certainty, here, there and amount, sorted; and the totals.
    fn found(&self) -> (Vec<[String; 5]>, Value) {
        let mut lines: Vec<Value> = self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.len() >= 2 && !lines[0]["reconciliation"].is_null(), "{}{}", self.out, self.complaint);
        let totals = lines.pop().unwrap()["totals"].clone();
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        let of = |line: &Value| ["kind", "certainty", "here", "there", "amount"].map(|name| text(line, name));
        let mut found: Vec<_> = lines[1..].iter().map(of).collect();
        found.sort();
        (found, totals)
    }
}

/// The settings of the command.
fn variables(sandbox: &Sandbox, database: &TestDatabase) -> BTreeMap<&'static str, String> {
    let keys = SandboxKeys::default();
    BTreeMap::from([
        ("COREFY_API_KEY", keys.api_key.expose_secret().to_owned()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret().to_owned()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret().to_owned()),
        ("COREFY_BASE_URL", sandbox.base_url().to_string()),
        ("COREFY_RATE_LIMIT_PER_MINUTE", "1000000".to_owned()),
        ("DATABASE_URL", database.url().to_owned()),
        ("GATEWAY_MASTER_KEY", master_key_text().expose_secret().to_owned()),
    ])
}

fn texts(rows: &[[&str; 5]]) -> Vec<[String; 5]> {
    rows.iter().map(|row| row.map(str::to_owned)).collect()
}

async fn equal_books_have_no_difference_and_nothing_is_changed(database: TestDatabase) {
    let bench = Bench::start(database).await;
    bench.client.intent("5.00").await;
    let paid = bench.client.paid_intent("10.00").await;
    bench.refund(&paid.id, "4.00").await;
    bench.client.confirm(&bench.client.intent("7.00").await.id, "4000000000009995").await.unwrap();
    let before = bench.rows().await;
    let said = bench.run(&[]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.complaint);
    assert_eq!(said.complaint, "3 payments compared: 0 differences, and 0 of what is under way\n");
    assert_eq!(bench.rows().await, before);
    let audited = bench.audited();
    assert_eq!(
        (&audited["compared"], &audited["differences"], &audited["applied"]),
        (&json!(3), &json!({}), &json!(false))
    );
    assert_eq!(
        bench.run(&["--partner=nobody"]).complaint,
        "0 payments compared: 0 differences, and 0 of what is under way\n"
    );
    let earlier = bench.run_with(&["--from=2020-01-01T00:00:00Z", "--to=2020-02-01T00:00:00Z"]);
    assert!(earlier.complaint.starts_with("0 payments"), "{}", earlier.complaint);
}

async fn each_difference_is_found_and_nothing_is_changed(database: TestDatabase) {
    let bench = Bench::start(database).await;
    let mut paid = Vec::new();
    for _ in 0..7 {
        paid.push(bench.client.paid_intent("10.00").await.id);
    }
    let refund = bench.refund(&paid[4], "4.00").await;
    bench.refund(&paid[5], "3.00").await;
    let late = bench.client.intent("8.00").await.id;
    bench.app.sandbox.charge_late(&late).unwrap();
    let foreign = json!([{"id": "ref_x", "status": "succeeded", "amount": "2.00", "currency": "USD"}]);
    let lost = json!([{"id": refund.upstream_id, "reference_id": refund.id, "status": "failed", "amount": "4.00", "currency": "USD"}]);
    bench.show(&[
        (&paid[0], json!({"amount": "9.00"})),
        (&paid[1], json!({"currency": "EUR"})),
        (&paid[2], json!(null)),
        (&paid[3], json!({"status": "failed"})),
        (&paid[4], json!({"refunds": lost, "amount_refunded": "0.00"})),
        (&paid[5], json!({"refunds": [], "amount_refunded": "0.00"})),
        (&paid[6], json!({"refunds": foreign, "amount_refunded": "2.00"})),
    ]);
    let before = bench.rows().await;
    let said = bench.run(&["--format=json"]);
    assert_eq!(said.code, Some(3), "{}", said.complaint);
    let (found, totals) = said.found();
    let expected = [
        ["amount", "real", "10.00", "9.00", "1.00"],
        ["currency", "real", "USD", "EUR", "10.00"],
        ["missing_there", "real", "succeeded", "", "10.00"],
        ["refund_missing_here", "real", "", "succeeded", "2.00"],
        ["refund_missing_there", "real", "succeeded", "", "3.00"],
        ["refund_state", "real", "succeeded", "failed", "4.00"],
        ["state", "real", "requires_confirmation", "succeeded", "8.00"],
        ["state", "real", "succeeded", "failed", "10.00"],
    ];
    assert_eq!(found, texts(&expected));
    assert_eq!((&totals["compared"], totals["differences"].as_array().unwrap().len()), (&json!(8), 7));
    assert!(said.complaint.starts_with("8 payments compared: 8 differences"), "{}", said.complaint);
    assert_eq!(bench.rows().await, before);

    let table = bench.run(&[]).out;
    assert!(table.contains("state") && table.contains("18.00 USD"), "{table}");
    let csv = bench.run(&["--format=csv"]).out;
    assert_eq!(csv.lines().count(), 9, "{csv}");
    let line = csv.lines().find(|line| line.starts_with("refund_state")).unwrap();
    let expected = format!("{},{}", refund.id, refund.upstream_id);
    assert!(line.contains(&paid[4]) && line.contains(&expected) && line.contains(",acme,"), "{line}");
    assert!(!csv.contains("payer@example.com"), "{csv}");
}

async fn what_is_under_way_is_pending_and_no_difference(database: TestDatabase) {
    let bench = Bench::start(database).await;
    let late = bench.client.intent("8.00").await.id;
    bench.app.sandbox.charge_late(&late).unwrap();
    let said = bench.run_with(&["--from=1h", "--format=json"]);
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert_eq!(said.found().0, texts(&[["state", "pending", "requires_confirmation", "succeeded", "8.00"]]));
    // Whatever its age: an outcome that is looked for is under way.
    let doubt = bench.client.intent("9.00").await.id;
    bench.client.confirm(&doubt, "4000000000005001").await.unwrap();
    let (found, _) = bench.run(&["--format=json"]).found();
    assert!(
        found.contains(&texts(&[["state", "pending", "processing", "requires_confirmation", "9.00"]])[0]),
        "{found:?}"
    );
    assert!(found.contains(&texts(&[["state", "real", "requires_confirmation", "succeeded", "8.00"]])[0]), "{found:?}");
}

async fn what_differs_is_settled_by_corefy_s_word_and_told_by_an_event(database: TestDatabase) {
    let bench = Bench::start(database).await;
    let equal = bench.client.paid_intent("10.00").await.id;
    let late = bench.client.intent("8.00").await.id;
    bench.app.sandbox.charge_late(&late).unwrap();
    let dashboard = bench.client.paid_intent("6.00").await;
    bench.app.sandbox.refund_from_dashboard(&dashboard.upstream_id, 250).unwrap();
    let said = bench.run(&["--apply", "--reason=monthly close"]);
    assert_eq!(said.code, Some(3), "{}", said.complaint);
    assert!(said.complaint.ends_with("; 2 of them settled by Corefy's word\n"), "{}", said.complaint);
    let audited = bench.audited();
    let expected = json!({"state": 1, "refund_missing_here": 1});
    assert_eq!((&audited["applied"], &audited["differences"]), (&json!(true), &expected));

    let again = bench.run(&["--apply", "--format=json"]);
    assert_eq!(again.code, Some(0), "{}", again.complaint);
    assert_eq!(bench.client.get(&late).await.state(), State::Succeeded);
    assert_eq!(bench.client.get(&dashboard.id).await.amount_refunded, "2.50");
    for (id, kind, last) in [
        (&late, DifferenceKind::State, "payment_intent.succeeded"),
        (&dashboard.id, DifferenceKind::RefundMissingHere, "payment_intent.refunded_upstream"),
    ] {
        let request = pb::ListEventsRequest { object_id: id.clone(), page_size: 100, ..Default::default() };
        let events = bench.client.list_events(request).await.unwrap().into_inner().events;
        let place = events.iter().position(|event| event.r#type == "reconcile.mismatch").unwrap();
        assert_eq!(events[place + 1].r#type, last);
        assert_eq!(events.iter().filter(|event| event.r#type == "reconcile.mismatch").count(), 1);
        let Some(Object::Mismatch(mismatch)) = &events[place].object else { panic!("{:?}", events[place]) };
        assert_eq!((&mismatch.payment_intent_id, mismatch.differences.len()), (id, 1));
        assert_eq!(mismatch.differences[0].kind(), kind);
    }
    assert!(!bench.client.event_types(&equal).await.contains(&"reconcile.mismatch".to_owned()));
    let request = pb::GetTimelineRequest { id: late.clone(), ..Default::default() };
    let timeline = bench.client.get_timeline(request).await.unwrap().into_inner();
    assert!(format!("{timeline:?}").contains("Corefy's books differ: state"), "{timeline:?}");
}

async fn a_file_of_corefy_s_shows_what_is_missing_on_either_side(database: TestDatabase) {
    let bench = Bench::start(database).await;
    let mut paid = Vec::new();
    for amount in ["10.00", "11.00", "12.00", "13.00"] {
        paid.push(bench.client.paid_intent(amount).await);
    }
    bench.refund(&paid[2].id, "2.00").await;
    let unpaid = bench.client.intent("5.00").await;
    let row = |intent: &pb::PaymentIntent, amount: &str, refunded: &str| {
        format!("{},{},{amount},USD,Paid,{refunded}\n", intent.upstream_id, intent.id)
    };
    let file = [
        "payment,reference,amount,currency,status,refunded\n".to_owned(),
        row(&paid[0], "10.00", ""),
        row(&paid[1], "11.50", "0"),
        row(&paid[2], "12.00", "0.00"),
        "in_elsewhere,order-9,3.00,EUR,paid,\n".to_owned(),
        "in_declined,order-10,3.00,EUR,declined,\n".to_owned(),
        // The same reference twice: the second charge is not ours.
        format!("in_twice,{},10.00,USD,paid,\n", paid[0].id),
    ];
    std::fs::write(bench.directory.path().join("corefy.csv"), file.concat()).unwrap();
    let before = bench.rows().await;
    let said = bench.run(&["--against=corefy.csv", &made_now(), "--columns=id=payment", "--format=json"]);
    assert_eq!(said.code, Some(3), "{}", said.complaint);
    let (found, totals) = said.found();
    let expected = [
        ["amount", "real", "11.00", "11.50", "0.50"],
        ["missing_here", "real", "", "succeeded", "10.00"],
        ["missing_here", "real", "", "succeeded", "3.00"],
        ["missing_there", "real", "succeeded", "", "13.00"],
        ["refunded", "real", "2.00", "0.00", "2.00"],
    ];
    assert_eq!(found, texts(&expected));
    assert_eq!(
        totals["compared"],
        json!(7),
        "three rows, two payments that are missing here, and two that are not listed"
    );
    assert!(said.out.contains("in_elsewhere") && !said.out.contains(&unpaid.id), "{}", said.out);
    assert_eq!(bench.rows().await, before);
    assert_eq!(bench.audited()["against"], json!("file"));
    let reads = || bench.app.sandbox.request_count("GET", READ);
    let asked = reads();
    // A file made before the last changes may lack them.
    let early = bench.run(&["--against=corefy.csv", "--columns=id=payment", "--format=json", "--as-of=24h"]);
    assert!(early.found().0.iter().any(|row| row[..2] == ["missing_there", "pending"]), "{}", early.out);
    assert_eq!(reads(), asked, "Corefy is not asked");

    std::fs::write(bench.directory.path().join("bad.csv"), "id,amount,currency,status\nin_1,x,USD,paid\n").unwrap();
    let said = bench.run(&["--against=bad.csv"]);
    assert!(said.code == Some(1) && said.complaint.contains("bad.csv: row 1: amount must be"), "{}", said.complaint);
}

/// Says that a file was made now: its own time is of a coarser clock, by which it may be older than a change of milliseconds ago.
fn made_now() -> String {
    format!("--as-of={}", Clock::system().now())
}

async fn what_a_file_shows_is_settled_beside_a_gateway_that_serves(database: TestDatabase) {
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let gateway = GatewayProcess::start(&database, &sandbox, &[]).await;
    let client = gateway.client(&create_key(&database).await);
    let late = client.intent("8.00").await;
    sandbox.charge_late(&late.id).unwrap();
    let directory = tempfile::tempdir().unwrap();
    // A file is not believed: the amount is wrong, and what Corefy itself says is taken over.
    let row = format!("id,amount,currency,status\n{},7.00,USD,paid\n", late.upstream_id);
    std::fs::write(directory.path().join("corefy.csv"), row).unwrap();
    let variables = variables(&sandbox, &database);
    let (path, made) = (directory.path().to_owned(), made_now());
    let comparing = tokio::task::spawn_blocking(move || {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let flags = ["--from=1h", "--settling-seconds=0", "--against=corefy.csv", &made, "--apply", "--quiet"];
        output(&path, &[&["reconcile"][..], &flags].concat(), &variables)
    });
    let paying = async {
        for _ in 0..20 {
            assert_eq!(client.paid_intent("1.00").await.state(), State::Succeeded);
        }
    };
    let (compared, ()) = tokio::join!(comparing, paying);
    let compared = compared.unwrap();
    let complaint = String::from_utf8(compared.stderr).unwrap();
    assert_eq!(compared.status.code(), Some(3), "{complaint}");
    assert!(complaint.ends_with("1 of them settled by Corefy's word\n"), "{complaint}");
    let settled = client.get(&late.id).await;
    assert_eq!((settled.state(), settled.amount_received.as_str()), (State::Succeeded, "8.00"));
    assert_eq!(sandbox.ledger().charged(&late.id), 800);
}

async fn a_comparison_that_is_killed_goes_on_where_it_was(database: TestDatabase) {
    const PAYMENTS: usize = 120;
    let bench = Bench::start(database).await;
    for _ in 0..PAYMENTS {
        let intent = bench.client.intent("1.00").await;
        bench.app.sandbox.charge_late(&intent.id).unwrap();
    }
    let now = Clock::system().now();
    let (from, to) = (format!("--from={}", now.before(Duration::from_secs(3600))), format!("--to={now}"));
    let flags = |out: &'static str| {
        ["reconcile", "--quiet", "--settling-seconds=0", &from, &to, "--format=json", out].map(str::to_owned)
    };
    let variables = bench.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let directory = bench.directory.path();
    let run = |out| {
        let flags = flags(out);
        output(directory, &flags.each_ref().map(String::as_str), &variables)
    };
    assert_eq!(run("--out=whole").status.code(), Some(3));
    bench.app.sandbox.faults().set(|switches| switches.answer_delay_ms = 200);
    let killed = flags("--out=killed");
    let mut program = Program::start(directory, &killed.each_ref().map(String::as_str), &variables);
    until("a checkpoint", async || directory.join("killed.part.cursor").exists()).await;
    program.kill().await;
    assert!(!directory.join("killed").exists());
    let reads = || bench.app.sandbox.request_count("GET", READ);
    let before = reads();
    bench.app.sandbox.faults().set(|switches| switches.answer_delay_ms = 0);
    let resumed = run("--out=killed");
    assert_eq!(resumed.status.code(), Some(3), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert!(reads() - before <= PAYMENTS as u64 - 100, "only what was not done is asked again: {}", reads() - before);
    let read = |name: &str| std::fs::read_to_string(directory.join(Path::new(name))).unwrap();
    assert_eq!(read("killed"), read("whole"));
    assert_eq!(read("whole").lines().count(), PAYMENTS + 2);
}

async fn what_corefy_does_not_answer_is_not_compared(database: TestDatabase) {
    let bench = Bench::start(database).await;
    let ids = [bench.client.paid_intent("1.00").await.id, bench.client.paid_intent("2.00").await.id];
    bench.app.sandbox.faults().fail_next(1, "GET", READ, Fault::QuoteCard);
    let said = bench.run(&["--format=json"]);
    assert_eq!(said.code, Some(1), "{}", said.complaint);
    assert!(ids.iter().any(|id| said.complaint.contains(&format!("{id} could not be compared"))), "{}", said.complaint);
    let (found, totals) = said.found();
    assert_eq!((found.len(), &totals["compared"], &totals["not_compared"]), (0, &json!(1), &json!(1)));
}

async fn wrong_flags_are_named(database: TestDatabase) {
    let bench = Bench::start(database).await;
    for (flags, why) in [
        (&["--from=1h", "--to=2h"][..], "--from must be before --to"),
        (&["--from=1h", "--out=found.txt"], "--out goes with --format csv or json"),
        (&["--from=1h", "--columns=id=x"], "--against"),
        (&["--from=1h", "--against=corefy.csv", "--columns=name=x"], "must be pairs such as id=payment_id"),
        (&[], "--from"),
    ] {
        let said = bench.run_with(flags);
        assert!(said.code == Some(2) && said.complaint.contains(why), "{flags:?}: {}", said.complaint);
    }
    let master_key = master_key_text();
    let needed = [("DATABASE_URL", bench.app.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
    let directory = bench.directory.path();
    let asking = output(directory, &["reconcile", "--from=1h"], &needed);
    let complaint = String::from_utf8(asking.stderr).unwrap();
    assert!(asking.status.code() == Some(2) && complaint.contains("COREFY_API_KEY: is missing"), "{complaint}");
    std::fs::write(directory.join("none.csv"), "id,amount,currency,status\n").unwrap();
    let reading = output(directory, &["reconcile", "--from=1h", "--against=none.csv"], &needed);
    assert_eq!(reading.status.code(), Some(0), "a file alone needs no Corefy");
}
