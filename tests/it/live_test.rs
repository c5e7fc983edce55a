//! `doctor --live-test`: against an account that behaves as the dialect expects every fact is proved, and each fact that is switched to
//! something else is said to be disproved.

use std::{collections::BTreeMap, path::Path};

use corefy_gateway::{
    config::local::SandboxKeys,
    domain::environment::Environment,
    sandbox::{Sandbox, faults::Switches},
};
use regex::Regex;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::DropGuard;

use crate::support::{
    app::{free_port, http_client, start_sandbox, until},
    database::{Backend, TestDatabase, master_key_text},
    program::{Program, Variables},
};

/// The card that is entered on Corefy's page.
const CARD: &str = "5519283812030000";

/// An account at the sandbox, and a gateway's settings for it.
struct Account {
    sandbox: Sandbox,
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
    _database: TestDatabase,
    _stop: DropGuard,
}

impl Account {
    async fn start() -> Self {
        let (sandbox, stop) = start_sandbox(&Environment::system()).await;
        let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
        database.store().await.close().await;
        let (keys, address) = (SandboxKeys::default().commerce, free_port());
        let base_url = sandbox.base_url().to_string();
        let variables = vec![
            ("COREFY_API", "commerce".to_owned()),
            ("COREFY_SANDBOX_MODE", "true".to_owned()),
            ("COREFY_ACCOUNT_ID", keys.account_id),
            ("COREFY_API_KEY", keys.api_key.expose_secret().to_owned()),
            ("COREFY_WEBHOOK_SECRET", keys.secret_key.expose_secret().to_owned()),
            ("COREFY_PUBLIC_KEY", keys.public_key.expose_secret().to_owned()),
            ("COREFY_BASE_URL", base_url.clone()),
            ("COREFY_CARD_GATE_URL", base_url),
            ("COREFY_CALLBACK_URL", format!("http://{address}/webhooks/corefy")),
            ("GATEWAY_HTTP_ADDR", address.to_string()),
            ("GATEWAY_GRPC_ADDR", "127.0.0.1:0".to_owned()),
            ("GATEWAY_MASTER_KEY", master_key_text().expose_secret().to_owned()),
            ("DATABASE_URL", database.url().to_owned()),
        ];
        let directory = tempfile::tempdir().unwrap();
        Self { sandbox, directory, variables, _database: database, _stop: stop }
    }

    fn begin(&self, flags: &[&str], changes: &Variables<'_>) -> Program {
        let own = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = own.chain(changes.iter().copied()).collect();
        Program::start(self.directory.path(), &[&["doctor", "--live-test"], flags].concat(), &variables)
    }

    /// A test without pages: the exit code, all that was said, and each fact with its verdict.
    async fn tested(&self, changes: &Variables<'_>) -> (Option<i32>, String, BTreeMap<String, String>) {
        let report = self.directory.path().join("report.json");
        std::fs::remove_file(&report).ok();
        let flags = ["--page-seconds=0", "--outcome-seconds=5", "--report=report.json"];
        let mut program = self.begin(&flags, changes);
        let code = program.exit_code().await;
        until("all was read that it said", async || program.said().contains("facts proved")).await;
        (code, program.said(), verdicts(&report))
    }
}

fn verdicts(report: &Path) -> BTreeMap<String, String> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let facts = report["facts"].as_array().unwrap();
    facts.iter().map(|fact| (text(&fact["name"]), text(&fact["verdict"]))).collect()
}

/// The form of a page: its address and its hidden fields.
fn form_of(page: &str) -> (String, Vec<(String, String)>) {
    let of = |pattern: &str| Regex::new(pattern).unwrap();
    let plain = |text: &str| text.replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'");
    let action = plain(&of("action=\"([^\"]*)\"").captures(page).unwrap()[1]);
    let field = of("type=hidden name=\"?([^\" ]*)\"? value=\"([^\"]*)\"");
    (action, field.captures_iter(page).map(|found| (plain(&found[1]), plain(&found[2]))).collect())
}

fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn post(url: &str, body: String) -> String {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = http_client().post(url).header(form.0, form.1).body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fact_that_can_be_tested_is_proved_by_the_sandbox() {
    let account = Account::start().await;
    let mut test = account.begin(&["--page-seconds=60", "--outcome-seconds=30", "--report=report.json"], &[]);
    // The address is on a line of its own, which is read after the one before.
    let page = "by the test card 5519283812030000, any later expiry and any CVV, within 60 s:\n      ";
    let page = test.word_after(page).await;
    let file = test.word_after("Approve on the bank's page, within 60 s:\n      ").await;
    let bank = std::fs::read_to_string(file.strip_prefix("file://").unwrap()).unwrap();
    let card = [("decision", "card"), ("card_number", CARD), ("card_holder", "A PAYER"), ("cvv", "123")];
    let session = http_client().get(page).send().await.unwrap().url().to_string();
    post(&session, encoded(card.into_iter().chain([("exp_month", "12"), ("exp_year", "40")]))).await;
    let (action, fields) = form_of(&bank);
    let asked = post(&action, encoded(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))).await;
    let (action, fields) = form_of(&asked);
    let approved = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("PaRes", "approve")]);
    post(&action, encoded(approved)).await;
    let code = test.exit_code().await;
    until("all was read that it said", async || test.said().contains("facts proved")).await;
    let said = test.said();
    assert_eq!(code, Some(0), "{said}");
    let found = verdicts(&account.directory.path().join("report.json"));
    let others: Vec<_> = found.iter().filter(|(_, verdict)| *verdict != "proved").collect();
    let untestable = ("chargeback_amount".to_owned(), "untested".to_owned());
    assert_eq!(others, [(&untestable.0, &untestable.1)], "{said}");
    assert!(said.contains("facts proved, 0 disproved, 1 untested"), "{said}");
    assert!(!Path::new(file.strip_prefix("file://").unwrap()).exists(), "the bank's form is not left behind");

    let report = std::fs::read_to_string(account.directory.path().join("report.json")).unwrap();
    assert!(report.contains("/payment/sale") && report.contains("[redacted]"), "the calls are shown, redacted");
    let secrets = account.variables.iter().filter(|(name, _)| name.ends_with("_KEY") || name.ends_with("_SECRET"));
    for (name, secret) in secrets {
        assert!(!report.contains(secret) && !said.contains(secret), "{name} is shown");
    }
    assert!(!report.contains(CARD) && !report.contains("eyJ"), "neither card nor token is in the report");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_does_otherwise_is_said_to_be_disproved() {
    let account = Account::start().await;
    let lost = |name: &'static str| {
        move |switches: &mut Switches| {
            switches.commerce.lost_attributes = [name.to_owned()].into();
        }
    };
    type Change = Box<dyn FnOnce(&mut Switches)>;
    let switched: Vec<(&str, Change)> = vec![
        ("reference_is_unique", Box::new(|switches| switches.ignore_references = true)),
        ("one_success_an_invoice", Box::new(|switches| switches.charge_again = true)),
        ("instant", Box::new(|switches| switches.commerce.refuse_instant = true)),
        ("hosted_page_address", Box::new(lost("hpp_url"))),
        ("card_token_in_flow_data", Box::new(lost("flow_data"))),
        ("token_after_tokenize", Box::new(lost("payload"))),
        ("status_after_creation", Box::new(lost("updated"))),
    ];
    for (fact, change) in switched {
        account.sandbox.faults().set(|switches| {
            *switches = Switches::default();
            change(switches);
        });
        let (code, said, found) = account.tested(&[]).await;
        assert_eq!((code, found[fact].as_str()), (Some(1), "disproved"), "{fact}: {said}");
        assert!(said.contains("Otherwise: "), "the consequence is named: {said}");
    }
    account.sandbox.faults().set(|switches| {
        *switches = Switches::default();
        switches.commerce.lost_attributes = ["rrn", "approval_code", "arn"].map(str::to_owned).into();
    });
    let (_, said, found) = account.tested(&[]).await;
    assert_eq!(found["network_references"], "untested", "a test connection may have none: {said}");
    account.sandbox.faults().set(|switches| *switches = Switches::default());
    let (code, said, found) =
        account.tested(&[("COREFY_WEBHOOK_SECRET", "sk_test_of_another_account_0123456789")]).await;
    assert_eq!((code, found["callback_signature"].as_str()), (Some(1), "disproved"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_payments_are_live_is_left_alone() {
    let account = Account::start().await;
    account.sandbox.faults().set(|switches| {
        switches.shown_payments = BTreeMap::new();
        switches.commerce.lost_attributes = ["test_mode".to_owned()].into();
    });
    let (code, said, found) = account.tested(&[]).await;
    assert!(code == Some(1) && said.contains("not shown as a test: nothing is paid"), "{said}");
    assert_eq!(found["sale"], "untested");
    assert_eq!(account.sandbox.request_count("POST", "/payment/sale"), 0);
    let mut live = account
        .begin(&[], &[("COREFY_SANDBOX_MODE", "false"), ("COREFY_WEBHOOK_SECRET", ""), ("COREFY_PUBLIC_KEY", "")]);
    assert_eq!(live.exit_code().await, Some(2), "{}", live.said());
    let refusal = "--live-test goes with COREFY_SANDBOX_MODE=true";
    until("the refusal", async || live.said().contains(refusal)).await;
}
