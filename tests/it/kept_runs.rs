//! The knowledge of `dev` and `sandbox` from one run to the next: kept where that is wanted, and never half of it.

use std::{fs, path::Path, time::Duration};

use corefy_gateway::{
    domain::{
        key_pair::{KeyPair, SecretKey},
        randomness::Randomness,
    },
    pb::PaymentIntentState as State,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{
    app::http_client,
    client::{APPROVED, Client, keyed, new_intent, new_key},
    program::{Program, Variables, output},
};

/// Ports that are free.
const ADDRESSES: [(&str, &str); 3] = [
    ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
    ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
    ("GATEWAY_SANDBOX_ADDR", "127.0.0.1:0"),
];
/// The memory of the sandbox beside the database.
const MEMORY: &str = "target/dev/sandbox-memory.json";
/// How long a change may take to be kept on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// A whole key of callers.
const KEY: &str =
    "pk_acme_0123456789abcdefe1d22e49:sk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef65a14590";

/// A `dev` that runs.
struct Run {
    dev: Program,
    client: Client,
    key: String,
    sandbox: String,
}

impl Run {
    async fn start(directory: &Path, settings: &Variables<'_>) -> Self {
        let mut dev = Program::start(directory, &["dev"], &[&ADDRESSES[..], settings].concat());
        let address = dev.word_after("  gRPC ").await;
        let key = dev.word_after("  API key ").await;
        let ledger = dev.word_after("(ledger: ").await;
        dev.word_after("No grpcurl?").await;
        let client = Client::connect(address.parse().unwrap(), &key).await;
        Self { dev, client, key, sandbox: ledger.trim_end_matches("ledger)").to_owned() }
    }

    /// Makes a control of the sandbox.
    async fn order(&self, control: &str, body: Value) -> (u16, Value) {
        let answer =
            http_client().post(format!("{}{control}", self.sandbox)).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Refuses that other money has moved for a payment.
    async fn require_moved(&self, payment: &str, charged: &str, refunded: &str) {
        let expected = json!({"payment": payment, "charged": charged, "charges": 1, "refunded": refunded});
        let (status, answer) = self.order("expect", expected).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn stop(mut self) -> String {
        self.dev.terminate();
        assert_eq!(self.dev.exit_code().await, Some(0), "{}", self.dev.said());
        self.dev.said()
    }
}

/// Returns when the file has the text.
async fn kept(file: &Path, text: &str) {
    let look = async {
        while !fs::read_to_string(file).is_ok_and(|kept| kept.contains(text)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("it is kept in time");
}

#[tokio::test]
async fn a_payment_is_known_to_gateway_and_sandbox_after_a_stop_and_after_a_kill() {
    for api in ["intents", "commerce"] {
        let directory = tempfile::tempdir().unwrap();
        let settings = [("GATEWAY_DEV_KEEP", "true"), ("COREFY_API", api)];
        let first = Run::start(directory.path(), &settings).await;
        let key = new_key();
        let made = first.client.create_payment_intent(keyed(&key, new_intent("10.00"))).await.unwrap().into_inner();
        let made = made.payment_intent.unwrap();
        assert_eq!(first.client.confirm(&made.id, APPROVED).await.unwrap().state(), State::Succeeded);
        let callers_key = first.key.clone();
        first.stop().await;

        let mut second = Run::start(directory.path(), &settings).await;
        assert_eq!(second.key, callers_key);
        assert_eq!(second.client.get(&made.id).await.state(), State::Succeeded);
        second.client.refund(&made.payment_id, "4.00").await.unwrap();
        second.require_moved(&made.id, "10.00", "4.00").await;
        let again = second.client.create_payment_intent(keyed(&key, new_intent("10.00"))).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(again.into_inner().payment_intent.unwrap().id, made.id);
        let later = second.client.paid_intent("20.00").await;
        assert_eq!(second.order("clock", json!({"advance": "1h"})).await.0, 200);
        kept(&directory.path().join(MEMORY), &format!("\"{}\"", later.id)).await;
        second.dev.kill().await;

        let third = Run::start(directory.path(), &settings).await;
        assert_eq!(third.client.get(&later.id).await.state(), State::Succeeded);
        third.client.refund(&later.payment_id, "5.00").await.unwrap();
        third.require_moved(&later.id, "20.00", "5.00").await;
        third.require_moved(&made.id, "10.00", "4.00").await;
        let clock = http_client().get(format!("{}clock", third.sandbox)).send().await.unwrap().text().await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&clock).unwrap()["ahead_seconds"], 3_600);
        third.stop().await;

        let other = if api == "intents" { "commerce" } else { "intents" };
        let variables = [&ADDRESSES[..], &settings[..1], &[("COREFY_API", other)]].concat();
        let refused = output(directory.path(), &["dev"], &variables);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("was made with {api:?}, not {other:?}")), "{said}");
    }
}

#[tokio::test]
async fn what_is_not_whole_and_what_is_not_wanted_is_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let (keep, key) = (("GATEWAY_DEV_KEEP", "true"), ("GATEWAY_DEV_API_KEY", KEY));
    let first = Run::start(directory.path(), &[keep]).await;
    let intent = first.client.paid_intent("10.00").await;
    let said = first.stop().await;
    assert!(!said.contains("both begin anew"), "nothing was kept: {said}");

    let second = Run::start(directory.path(), &[keep, key]).await;
    assert_eq!(second.key, KEY, "a key that is given opens what was kept");
    assert_eq!(second.client.get(&intent.id).await.state(), State::Succeeded);
    second.stop().await;
    let public = KeyPair::parse(KEY).unwrap().public;
    let other = KeyPair { public, secret: SecretKey::generate(&Randomness::system()) }.expose();
    let variables = [&ADDRESSES[..], &[keep, ("GATEWAY_DEV_API_KEY", other.expose_secret())]].concat();
    let refused = output(directory.path(), &["dev"], &variables);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("GATEWAY_DEV_API_KEY: the database kept in"), "{said}");

    fs::remove_file(directory.path().join("target/dev/gateway.db")).unwrap();
    let third = Run::start(directory.path(), &[keep, key]).await;
    assert_eq!(third.order("expect", json!({"payment": intent.id, "charges": 1})).await.0, 404);
    let said = third.stop().await;
    assert!(said.contains("the sandbox's memory was kept without the gateway's database: both begin anew"), "{said}");
    Run::start(directory.path(), &[]).await.stop().await;
    assert!(!directory.path().join(MEMORY).exists(), "it was not wanted");
}

#[tokio::test]
async fn a_sandbox_goes_on_with_its_memory_or_begins_with_a_seed() {
    let directory = tempfile::tempdir().unwrap();
    let of = |name: &str| directory.path().join(name);
    let settings = [ADDRESSES[2], ("GATEWAY_SANDBOX_MEMORY", "memory.json"), ("GATEWAY_SANDBOX_SEED", "seed.json")];
    let start = || Program::start(directory.path(), &["sandbox"], &settings);
    let missing = output(directory.path(), &["sandbox"], &settings);
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(missing.status.code() == Some(1) && said.starts_with("seed.json: "), "{said}");

    let mut first = Program::start(directory.path(), &["sandbox"], &settings[..2]);
    let ledger = first.word_after("its ledger is at ").await;
    let faults = ledger.replace("ledger", "faults");
    let switched = http_client().post(&faults).body(r#"{"switches": {"charge_again": true}}"#).send().await.unwrap();
    assert_eq!(switched.status(), 204);
    first.terminate();
    assert_eq!(first.exit_code().await, Some(0), "{}", first.said());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(of("memory.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // The memory of one sandbox is another's seed. Changes are kept, and not in the seed.
    fs::rename(of("memory.json"), of("seed.json")).unwrap();
    let seed = fs::read(of("seed.json")).unwrap();
    let mut second = start();
    let ledger = second.word_after("its ledger is at ").await;
    let read = async |ledger: &str| {
        let answer = http_client().get(ledger.replace("ledger", "faults")).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    assert_eq!(read(&ledger).await["charge_again"], true);
    let beside = output(directory.path(), &["sandbox"], &settings);
    let said = String::from_utf8(beside.stderr).unwrap();
    assert!(beside.status.code() == Some(1) && said.contains("memory.json: another sandbox"), "{said}");
    http_client().post(ledger.replace("ledger", "faults")).body("{}").send().await.unwrap();
    kept(&of("memory.json"), r#""charge_again":false"#).await;
    second.kill().await;
    let mut third = start();
    let ledger = third.word_after("its ledger is at ").await;
    assert_eq!(read(&ledger).await["charge_again"], false, "the memory goes before the seed");
    third.kill().await;
    assert_eq!(fs::read(of("seed.json")).unwrap(), seed);

    for (text, fault) in [("{}", "missing field `format`"), ("{\"format\":7}", "7 is not known"), ("?", "not JSON")] {
        fs::write(of("memory.json"), text).unwrap();
        let refused = output(directory.path(), &["sandbox"], &settings);
        let said = String::from_utf8(refused.stderr).unwrap();
        let is_told = said.starts_with("memory.json: not the memory of a sandbox: ") && said.contains(fault);
        assert!(refused.status.code() == Some(1) && is_told, "{said}");
        assert_eq!(fs::read_to_string(of("memory.json")).unwrap(), text, "it is left as it is");
    }
}
