//! The first steps of a stranger: starts `dev`, pastes the lines it prints, runs `try`.

use std::{collections::HashMap, env, fs, path::Path, process::Command};

use corefy_gateway::pb::PaymentIntentState as State;
use serde_json::Value;

use crate::support::{
    app::http_client,
    client::Client,
    program::{Program, output},
};

/// Ports that are free.
const ADDRESSES: [(&str, &str); 3] = [
    ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
    ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
    ("GATEWAY_SANDBOX_ADDR", "127.0.0.1:0"),
];

/// The program path, with the tools that `make test` installs.
fn path() -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    format!("{}:{}", tools.display(), env::var("PATH").unwrap_or_default())
}

/// Runs a line as a shell does, and answers what it prints, which must be JSON.
fn paste(line: &str) -> Value {
    let output = Command::new("sh").args(["-c", line]).env("PATH", path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}\n{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}\n{error}\n{said}"))
}

/// Runs a line that must fail, and answers why.
fn fail(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).env("PATH", path()).output().unwrap();
    assert!(!output.status.success(), "{line}");
    String::from_utf8(output.stderr).unwrap()
}

/// Whether there is a grpcurl; in CI there must be.
fn has_grpcurl() -> bool {
    let found = Command::new("grpcurl").arg("-version").env("PATH", path()).output().is_ok();
    assert!(found || env::var_os("CI").is_none(), "there is no grpcurl: run the tests by `make test`");
    if !found {
        println!("skipped: there is no grpcurl");
    }
    found
}

#[tokio::test]
async fn the_lines_that_dev_prints_take_a_payment() {
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Program::start(directory.path(), &["dev"], &ADDRESSES);
    dev.word_after("No grpcurl?").await;
    if !has_grpcurl() {
        return;
    }
    let said = dev.said();
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("grpcurl ")).collect();
    for language in ["python", "typescript", "go", "java", "kotlin", "cpp", "ruby", "rust"] {
        let page = format!("docs/clients/{language}.md");
        assert_eq!(said.lines().filter(|line| line.ends_with(&page)).count(), 1, "one line for {language}: {said}");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&page).exists(), "{page}");
    }
    let [create, confirm] = lines[..] else { panic!("dev prints two lines: {said}") };

    let created = paste(create);
    let intent = &created["paymentIntent"];
    assert_eq!(intent["state"], "PAYMENT_INTENT_STATE_REQUIRES_CONFIRMATION", "{created}");
    assert_eq!((&intent["amount"], &intent["currency"]), (&"100.00".into(), &"USD".into()));
    let id = intent["id"].as_str().unwrap();
    assert!(confirm.matches("pi_…").count() == 1, "the place of the id: {confirm}");
    let confirmed = paste(&confirm.replace("pi_…", id));
    let intent = &confirmed["paymentIntent"];
    assert_eq!((&intent["id"], &intent["state"]), (&id.into(), &"PAYMENT_INTENT_STATE_SUCCEEDED".into()));
    assert_eq!(intent["amountReceived"], "100.00", "{confirmed}");

    let refused = fail(&create.replace("USD", "US"));
    assert!(refused.contains("\"field\": \"currency\""), "grpcurl shows the details of errors: {refused}");

    let timeline = said.lines().find(|line| line.starts_with(". ")).expect("a line for other commands");
    let shown =
        Command::new("sh").args(["-c", &timeline.replace("pi_…", id)]).current_dir(&directory).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("payment_intent.succeeded"), "other commands open the database of dev: {shown}");

    let ledger = dev.word_after("(ledger: ").await;
    let ledger = ledger.trim_end_matches(')');
    let moved = http_client().get(ledger).send().await.unwrap().text().await.unwrap();
    assert!(moved.contains(id), "the money moved: {moved}");
    let first_page = http_client().get(ledger.trim_end_matches("_sandbox/ledger")).send().await.unwrap();
    assert_eq!(first_page.status(), 200, "the address of the sandbox is a page");
}

/// The lines of a page of `docs/` that call the gateway.
fn calls_of(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().replace("\\\n", " "));
    let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with("grpcurl ")).collect()
}

/// The first id with this prefix in an answer.
fn first_id(answer: &str, prefix: &str) -> Option<String> {
    let (_, rest) = answer.split_once(&format!("\"{prefix}"))?;
    rest.split('"').next().map(|rest| format!("{prefix}{rest}"))
}

#[tokio::test]
async fn the_lines_of_the_task_pages_run_one_page_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Program::start(directory.path(), &["dev"], &ADDRESSES);
    let address = dev.word_after("  gRPC ").await;
    let key = dev.word_after("  API key ").await;
    dev.word_after("No grpcurl?").await;
    if !has_grpcurl() {
        return;
    }
    let mut ids = HashMap::from([("pi_", String::new()), ("cus_", String::new())]);
    for page in ["payments.md", "idempotency.md", "refunds.md", "3d-secure.md"] {
        let lines = calls_of(page);
        assert!(!lines.is_empty(), "{page} shows no call");
        for line in lines {
            let line = ids.iter().fold(line, |line, (prefix, id)| line.replace(&format!("{prefix}…"), id));
            let line = line.replace("127.0.0.1:50051", &address);
            let output = Command::new("sh").args(["-c", &line]).env("PATH", path()).env("KEY", &key).output().unwrap();
            let answer = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{page}: {line}\n{}", String::from_utf8_lossy(&output.stderr));
            for (prefix, id) in &mut ids {
                *id = first_id(&answer, prefix).unwrap_or_else(|| id.clone());
            }
            let is_replayed = answer.contains("idempotent-replayed: true");
            assert_eq!(is_replayed, page == "idempotency.md", "{page}: {line}\n{answer}");
        }
    }
}

#[tokio::test]
async fn try_walks_through_the_gateway_that_dev_started() {
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Program::start(directory.path(), &["dev"], &ADDRESSES);
    let target = format!("http://{}", dev.word_after("  gRPC ").await);
    dev.word_after("No grpcurl?").await;
    let encrypted = target.replace("http://", "https://");
    let refused = output(directory.path(), &["try"], &[("GATEWAY_TARGET", &encrypted)]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("begin the address with http://"), "{said}");
    // The file of the key is found where `dev` puts it.
    let walked = output(directory.path(), &["try"], &[("GATEWAY_TARGET", &target)]);
    let said = String::from_utf8(walked.stdout).unwrap() + str::from_utf8(&walked.stderr).unwrap();
    assert_eq!(walked.status.code(), Some(0), "{said}");
    let summary = said.trim_end().lines().last().unwrap();
    let (fine, taken) = summary.strip_suffix(" steps went as expected").unwrap().split_once(" of ").unwrap();
    assert!(fine == taken && taken.parse::<u32>().unwrap() > 3, "{summary}");
    dev.terminate();
    assert_eq!(dev.exit_code().await, Some(0), "{}", dev.said());
}

#[tokio::test]
async fn the_gateway_of_dev_goes_with_the_sandbox_s_clock() {
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Program::start(directory.path(), &["dev"], &ADDRESSES);
    let address = dev.word_after("  gRPC ").await;
    let key = dev.word_after("  API key ").await;
    let ledger = dev.word_after("(ledger: ").await;
    dev.word_after("No grpcurl?").await;
    let clock = ledger.trim_end_matches(')').replace("ledger", "clock");
    let client = Client::connect(address.parse().unwrap(), &key).await;
    let (processing, lost) = (client.intent("10.00").await, client.intent("20.00").await);
    assert_eq!(client.confirm(&processing.id, "4000000000000077").await.unwrap().state(), State::Processing);
    assert_eq!(client.confirm(&lost.id, "4000000000004996").await.unwrap().state(), State::Processing);

    let advance = http_client().post(&clock).body(r#"{"advance": "1h"}"#).send().await.unwrap();
    assert_eq!(advance.status(), 200);
    let time: Value = serde_json::from_str(&advance.text().await.unwrap()).unwrap();
    assert_eq!(time["ahead_seconds"], 3_600);
    assert_eq!(
        client.get(&processing.id).await.state(),
        State::Succeeded,
        "it was charged, and the gateway heard of it"
    );
    let given_up = client.get(&lost.id).await;
    assert_eq!(given_up.state(), State::RequiresPaymentMethod);
    assert_eq!(given_up.last_payment_error.unwrap().code, "upstream_no_record", "recovery has looked often enough");
}

#[tokio::test]
async fn the_sandbox_runs_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut sandbox = Program::start(directory.path(), &["sandbox"], &ADDRESSES[2..]);
    let ledger = sandbox.word_after("its ledger is at ").await;
    let ledger = http_client().get(ledger).send().await.unwrap();
    assert_eq!(ledger.status(), 200);
    serde_json::from_str::<Value>(&ledger.text().await.unwrap()).unwrap();
    sandbox.terminate();
    assert_eq!(sandbox.exit_code().await, Some(0), "{}", sandbox.said());
}
