//! A Corefy for tests: answers what its script says, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use tokio::net::TcpListener;
use url::Url;

use super::call_log::{CallLog, Redact};
use super::intents::REDACT;
use super::transport::{Transport, TransportSettings};
use crate::domain::{clock::Timestamp, environment::Environment};

/// The reaction to a request.
#[derive(Clone, Debug)]
pub enum ScriptedStep {
    /// Answer with status, headers and body.
    HttpAnswer(u16, Vec<(&'static str, String)>, String),
    /// Never answer.
    Hang,
    /// Begin to answer, and break off.
    BreakOff,
}

/// An answer without headers of its own.
pub fn answer(status: u16, body: impl ToString) -> ScriptedStep {
    ScriptedStep::HttpAnswer(status, Vec::new(), body.to_string())
}

/// A request as it came in.
#[derive(Debug)]
pub struct ScriptedRequest {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl ScriptedRequest {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type ScriptedState = Arc<Mutex<(VecDeque<ScriptedStep>, Vec<ScriptedRequest>)>>;

/// The server; the last step of its script is repeated for ever.
#[derive(Debug)]
pub struct Scripted {
    pub url: Url,
    shared: ScriptedState,
}

impl Scripted {
    pub async fn start(script: impl IntoIterator<Item = ScriptedStep>) -> Self {
        let shared: ScriptedState = Arc::new(Mutex::new((script.into_iter().collect(), Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Answers by another script from now on.
    pub fn follow(&self, script: impl IntoIterator<Item = ScriptedStep>) {
        self.shared.lock().unwrap().0 = script.into_iter().collect();
    }

    /// The requests since the last call of this.
    pub fn seen(&self) -> Vec<ScriptedRequest> {
        std::mem::take(&mut self.shared.lock().unwrap().1)
    }
}

async fn serve(
    State(shared): State<ScriptedState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let step = {
        let mut guard = shared.lock().unwrap();
        guard.1.push(ScriptedRequest { method, path: uri.to_string(), headers, body });
        if guard.0.len() > 1 { guard.0.pop_front().unwrap() } else { guard.0[0].clone() }
    };
    match step {
        ScriptedStep::HttpAnswer(status, headers, body) => {
            let response = headers
                .iter()
                .fold(Response::builder().status(status), |response, (name, value)| response.header(*name, value));
            response.body(Body::from(body)).unwrap()
        }
        ScriptedStep::Hang => std::future::pending().await,
        ScriptedStep::BreakOff => {
            let pieces = [Ok(Bytes::from("{")), Err(std::io::Error::other("broken off"))];
            Response::new(Body::from_stream(tokio_stream::iter(pieces)))
        }
    }
}

/// Settings for tests: patient, and with room for every call.
pub fn settings(base_url: Url) -> TransportSettings {
    TransportSettings { base_url, proxy: None, timeout: Duration::from_secs(5), retries: 3, rate_per_minute: 600_000 }
}

/// An environment whose clock stands still.
pub fn environment() -> Environment {
    Environment::manual(Timestamp::from_seconds(1_700_000_000))
}

/// A log without a reader.
pub fn no_log() -> CallLog {
    CallLog::new(REDACT).0
}

/// A transport with a clock that stands still.
pub fn transport(settings: TransportSettings) -> Transport {
    transport_of(REDACT, settings)
}

/// The same for a dialect with these rules.
pub fn transport_of(redact: Redact, settings: TransportSettings) -> Transport {
    Transport::new(settings, environment(), CallLog::new(redact).0).unwrap()
}

/// An address at which nothing listens: no test is ever given so low a port.
pub fn nowhere() -> Url {
    Url::parse("http://127.0.0.1:1").unwrap()
}
