//! A Corefy that answers everything alike, and a dialect before it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use corefy_gateway::{
    domain::{
        clock::{Clock, Timestamp},
        environment::Environment,
        ids::OperationId,
    },
    upstream::{
        Call, Priority, Scheduling, Upstream,
        call_log::{CallLog, CallRecords, Redact},
        commerce::{self, Commerce, CommerceSettings},
        intents::{self, Intents},
        transport::{HttpFailure, HttpResponse, HttpSender, Transport, TransportSettings},
    },
};
use reqwest::{Method, Request, StatusCode, Url, header::HeaderMap};
use secrecy::SecretString;
use tokio::sync::watch;

/// When the clock begins, in unix seconds.
pub const NOW: i64 = 1_700_000_000;

/// The pause after each question and each request: longer than the breaker stays open, so that no answer hides the next.
const PAUSE: Duration = Duration::from_secs(10);

/// Calls that may leave in any minute: more than can be made, so that none waits.
const UNLIMITED: u32 = 60_000_000;

/// The byte between the answer to lookups by reference and the answer to everything else, where they differ.
pub const BETWEEN_ANSWERS: u8 = 0x1e;

/// A dialect that the laws are tried on.
pub trait TriedDialect: Upstream + Sized {
    /// The beginning of Corefy's ids of payments, which the echoing Corefy ends with the reference.
    const ID_PREFIX: &'static str;
    /// The redaction of its calls.
    const REDACT: Redact;

    /// Before this transport, with these secrets for webhooks.
    fn before(transport: Transport, webhook_secrets: Vec<SecretString>, test_mode: bool, clock: Clock) -> Self;
}

impl TriedDialect for Commerce {
    const ID_PREFIX: &'static str = "cpi_";
    const REDACT: Redact = commerce::REDACT;

    fn before(transport: Transport, webhook_secrets: Vec<SecretString>, test_mode: bool, clock: Clock) -> Self {
        let credentials = commerce::Credentials {
            account_id: "coma_1".to_owned(),
            api_key: "ak_1".into(),
            webhook_secrets,
            public_key: Some("pk_test_1".to_owned()),
        };
        Self::new(transport, watch::channel(credentials).1, settings(test_mode), clock).expect("the settings are right")
    }
}

impl TriedDialect for Intents {
    const ID_PREFIX: &'static str = "in_";
    const REDACT: Redact = intents::REDACT;

    fn before(transport: Transport, webhook_secrets: Vec<SecretString>, _: bool, clock: Clock) -> Self {
        let [api_key, secret_key, client_key] = ["ak_1", "sk_1", "ck_1"].map(Into::into);
        let credentials = intents::Credentials { api_key, secret_key, client_key, webhook_secrets };
        Self::new(transport, watch::channel(credentials).1, clock).expect("the settings are right")
    }
}

/// The answer to everything, and the body that was sent last.
pub struct EchoingSender {
    id_prefix: &'static str,
    answer: Mutex<(StatusCode, Vec<u8>)>,
    sent: Mutex<Vec<u8>>,
    clock: Clock,
}

impl EchoingSender {
    /// The body of the last request.
    pub fn sent(&self) -> Vec<u8> {
        held(&self.sent).clone()
    }
}

impl fmt::Debug for EchoingSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EchoingSender")
    }
}

#[async_trait]
impl HttpSender for EchoingSender {
    /// Answers with the part that is for this request. In it `$ID` stands for the payment that the request is
    /// about, `$REF` for its reference.
    async fn send(&self, request: Request) -> Result<HttpResponse, HttpFailure> {
        self.clock.advance(PAUSE);
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let reference = reference(&request, &body, self.id_prefix);
        let (status, answers) = held(&self.answer).clone();
        let is_lookup = request.url().query().is_some();
        let mut parts = answers.splitn(2, |byte| *byte == BETWEEN_ANSWERS);
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let answer = second.filter(|_| !is_lookup).unwrap_or(first);
        let answer = replaced(answer, b"$ID", format!("{}{reference}", self.id_prefix).as_bytes());
        let answer = replaced(&answer, b"$REF", reference.as_bytes());
        *held(&self.sent) = body;
        Ok(HttpResponse { status, headers: HeaderMap::new(), body: answer })
    }
}

/// The reference of the payment that a request is about: it tells the reference, or an id that was made of one.
fn reference(request: &Request, body: &[u8], id_prefix: &str) -> String {
    let url = request.url();
    let asked = url.query_pairs().find(|(name, _)| name == "filter[reference_id]").map(|(_, value)| value.into_owned());
    let of_path = || url.path_segments()?.find_map(|segment| segment.strip_prefix(id_prefix)).map(str::to_owned);
    let of_body = || {
        let body: serde_json::Value = serde_json::from_slice(body).ok().filter(|_| request.method() == Method::POST)?;
        let told = body.pointer("/data/attributes/reference_id").or_else(|| body.get("reference_id"));
        told?.as_str().map(str::to_owned)
    };
    asked.or_else(of_path).or_else(of_body).unwrap_or_default()
}

/// The bytes with another text in the place of each name.
fn replaced(bytes: &[u8], name: &[u8], text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(place) = rest.windows(name.len()).position(|window| window == name) {
        written.extend_from_slice(&rest[..place]);
        written.extend_from_slice(text);
        rest = &rest[place + name.len()..];
    }
    written.extend_from_slice(rest);
    written
}

/// A lock that a broken law may have poisoned: what is behind it is whole in any case.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The dialect, the answers that it gets, and the runtime that it runs in.
pub struct EchoingCorefy<D> {
    /// The dialect.
    pub dialect: D,
    /// The way to Corefy.
    pub sender: Arc<EchoingSender>,
    /// Time, ids and chance.
    pub environment: Environment,
    records: Mutex<CallRecords>,
    runtime: tokio::runtime::Runtime,
    operation_id: OperationId,
}

impl<D: TriedDialect> EchoingCorefy<D> {
    /// With these secrets for webhooks.
    pub fn new(webhook_secrets: &[&str], test_mode: bool) -> Self {
        let environment = Environment::from_seed(Timestamp::from_seconds(NOW), 0);
        let (answer, sent) = (Mutex::new((StatusCode::OK, Vec::new())), Mutex::new(Vec::new()));
        let clock = environment.clock.clone();
        let sender = Arc::new(EchoingSender { id_prefix: D::ID_PREFIX, answer, sent, clock: clock.clone() });
        let (log, records) = CallLog::new(D::REDACT);
        let echoing = Arc::<EchoingSender>::clone(&sender);
        let transport = Transport::sending_by(echoing, transport_settings(), environment.clone(), log);
        let transport = transport.expect("the settings are right");
        let secrets = webhook_secrets.iter().copied().map(SecretString::from).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Self {
            dialect: D::before(transport, secrets, test_mode, clock),
            sender,
            records: Mutex::new(records),
            runtime: runtime.expect("there is a runtime"),
            operation_id: OperationId::generate(&environment.ids),
            environment,
        }
    }

    /// Has Corefy answer by this from now on.
    pub fn answer(&self, status: StatusCode, body: &[u8]) {
        *held(&self.sender.answer) = (status, body.to_vec());
    }

    /// The outcome of what was asked of the dialect. The breaker is given the time to close before, and the log of calls is emptied
    /// after it, so that it has room for the next.
    pub fn outcome<T>(&self, asked: impl Future<Output = T>) -> T {
        self.environment.clock.advance(PAUSE);
        let outcome = self.runtime.block_on(asked);
        held(&self.records).take(&mut Vec::new(), usize::MAX);
        outcome
    }

    /// The operation that everything here belongs to.
    pub fn call(&self) -> Call<'_> {
        Call {
            operation_id: &self.operation_id,
            request_id: "request",
            not_after: Timestamp(i64::MAX),
            scheduling: scheduling(),
        }
    }
}

/// The place in the rate limiter.
pub fn scheduling() -> Scheduling {
    Scheduling::of(Priority::Read)
}

fn address() -> Url {
    Url::parse("http://corefy.test").expect("it is an address")
}

fn transport_settings() -> TransportSettings {
    let (timeout, retries) = (Duration::from_secs(5), 0);
    TransportSettings { base_url: address(), proxy: None, timeout, retries, rate_per_minute: UNLIMITED }
}

fn settings(test_mode: bool) -> CommerceSettings {
    CommerceSettings {
        card_gate_url: Some(address()),
        public_url: Some(address()),
        callback_url: None,
        test_mode,
        services: BTreeMap::from([(("ideal".to_owned(), None), "ideal_eur_hpp".to_owned())]),
    }
}
