//! Runs the cases of clients/scenario against a gateway, through the client as its users have it.
//!
//! Started by `clients/scenario/run`; clients/scenario/README.md has the format.

mod methods;
mod values;

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use corefy_gateway::{
    client::{Gateway, GatewayError, Options, connect_with},
    pb,
};
use serde_json::{Map, Value, json};
use tonic::transport::{Certificate, ClientTlsConfig};
use values::{at, check, check_all, filled_in};

/// Between two looks for what is expected eventually.
const LOOK: Duration = Duration::from_millis(200);
const PATIENCE_WITH_STREAMS: Duration = Duration::from_secs(30);

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs steps, and keeps what they save.
#[derive(Default)]
struct Runner {
    gateways: HashMap<String, Gateway>,
    variables: Map<String, Value>,
}

impl Runner {
    async fn run(&mut self, case: &Value) -> Outcome {
        let run = uuid::Uuid::new_v4().simple().to_string();
        self.variables = Map::from_iter([
            ("run".to_owned(), json!(run[..12])),
            ("read_key".to_owned(), json!(env::var("SCENARIO_READ_KEY")?)),
        ]);
        for (number, step) in (1..).zip(list(&case["steps"])) {
            let step = filled_in(step, &self.variables);
            self.step(&step).await.map_err(|error| format!("step {number}: {error}"))?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Value) -> Outcome {
        if let Some(words) = step["control"].as_array() {
            let words = words.iter().filter_map(Value::as_str);
            let status = Command::new(env::var("SCENARIO_CONTROL")?).args(words).status()?;
            return if status.success() { Ok(()) } else { Err(format!("control: {status}").into()) };
        }
        let patience = Duration::from_secs(step["eventually_seconds"].as_u64().unwrap_or_default());
        let start = Instant::now();
        loop {
            match self.call(step).await {
                Err(_) if start.elapsed() < patience => tokio::time::sleep(LOOK).await,
                outcome => return outcome,
            }
        }
    }

    async fn call(&mut self, step: &Value) -> Outcome {
        let key = step["api_key"].as_str().map_or_else(|| env::var("SCENARIO_API_KEY"), |key| Ok(key.to_owned()))?;
        let gateway = self.gateway(key)?;
        let expected = &step["expect"];
        let outcome = if step["stream"].is_string() {
            tokio::time::timeout(PATIENCE_WITH_STREAMS, methods::streamed(&gateway, step)).await?
        } else if step["list"].is_string() {
            methods::listed(&gateway, step).await
        } else {
            methods::unary(&gateway, step["call"].as_str().unwrap_or_default(), step).await
        };
        let (answer, headers) = match (outcome, &expected["error"]) {
            (Ok(answer), Value::Null) => answer,
            (Ok((answer, _)), _) => return Err(format!("no error but {answer}").into()),
            (Err(error), Value::Null) => return Err(error),
            (Err(error), expected) => return check_error(error.downcast_ref().ok_or("no answer")?, expected),
        };
        check_all(&answer, &expected["response"], "response")?;
        for (name, value) in members(&expected["metadata"]) {
            let header = headers.get(name).and_then(|header| header.to_str().ok());
            check(&json!(header), value, name)?;
        }
        for (name, path) in members(&step["save"]) {
            let saved = at(&answer, path.as_str().unwrap_or_default());
            self.variables.insert(name.clone(), saved);
        }
        Ok(())
    }

    /// One connection for all calls with one key.
    fn gateway(&mut self, api_key: String) -> Outcome<Gateway> {
        if let Some(gateway) = self.gateways.get(&api_key) {
            return Ok(gateway.clone());
        }
        let authority = env::var("SCENARIO_CA").ok().map(fs::read).transpose()?;
        let tls = authority.map(|pem| ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)));
        let options = Options { tls, ..Options::default() };
        let gateway = connect_with(&env::var("SCENARIO_TARGET")?, &api_key, options)?;
        self.gateways.insert(api_key, gateway.clone());
        Ok(gateway)
    }
}

fn check_error(error: &GatewayError, expected: &Value) -> Outcome {
    let mut fields: Vec<_> = error.fields().iter().map(|wrong| &wrong.field).collect();
    fields.sort();
    let actual = json!({
        "code": methods::name_of(error.code()),
        "reason": error.reason(),
        "fields": fields,
        "retry_after": error.retry_after().is_some(),
        "nothing_was_sent": error.nothing_was_sent(),
    });
    for (member, value) in members(expected).filter(|(member, _)| *member != "metadata") {
        check(&actual[member], value, member)?;
    }
    let reason = expected["reason"].as_str().filter(|reason| !reason.is_empty()).unwrap_or("UNSPECIFIED");
    check(&json!(error.reason_code().as_str_name()), &json!(format!("ERROR_REASON_{reason}")), "reason_code")?;
    check(&json!(error.message()), &json!("{{any}}"), "message")?;
    check(&json!(!error.request_id().is_empty()), &json!(expected["reason"] != ""), "that there is a request id")?;
    check_all(&json!(error.metadata()), &expected["metadata"], "metadata")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Fails when a card or a person is printed by a message, as the client has it without the gateway around it.
fn check_that_secrets_do_not_print() -> Outcome {
    let number = "4111111111111111".to_owned();
    let card = pb::Card { number, cvv: "7319".to_owned(), holder_name: "Jane Doe".to_owned(), ..Default::default() };
    let payer = pb::CreatePaymentIntentRequest { customer_email: "jane@example.com".to_owned(), ..Default::default() };
    let printed = format!("{card:?} {payer:?}");
    let secrets = ["4111111111111111", "7319", "Jane Doe", "jane@example.com"];
    let is_telling = secrets.iter().any(|secret| printed.contains(secret));
    if is_telling { Err(format!("secrets are printed: {printed}").into()) } else { Ok(()) }
}

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    check_that_secrets_do_not_print()?;
    let scenario: Value = serde_json::from_slice(&fs::read(env::var("SCENARIO_FILE")?)?)?;
    let (mut runner, mut passed, mut failed) = (Runner::default(), 0, 0);
    for case in list(&scenario["cases"]) {
        let name = case["name"].as_str().unwrap_or_default();
        match runner.run(case).await {
            Ok(()) => {
                passed += 1;
                println!("test rust: {name} ... ok");
            }
            Err(error) => {
                failed += 1;
                println!("test rust: {name} ... FAILED: {error}");
            }
        }
    }
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
