//! The sandbox through real HTTP, as the gateway sees it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{Sandbox, SandboxAccount, SandboxOptions, auth::hmac_hex, lock::lock};
use crate::domain::{
    clock::{Clock, Timestamp},
    environment::Environment,
};

mod access;
mod control;
mod failures;
mod ledgers;
mod memory;
mod payments;
mod refunds;
mod reloads;
mod scripts;
mod webhooks;

const CONFIRM: &str = "/v1/payment-intents/{id}/confirm";
/// For what answers.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// For what never answers; time enough to be executed.
pub(in crate::sandbox) const SHORT_PATIENCE: Duration = Duration::from_secs(1);
const WEBHOOK_SECRET: &str = "whsec_test_secret";

/// A sandbox with a client that signs correctly.
pub(in crate::sandbox) struct Bench {
    pub(in crate::sandbox) sandbox: Sandbox,
    pub(in crate::sandbox) clock: Clock,
    pub(in crate::sandbox) http: reqwest::Client,
    /// How long an answer is waited for.
    pub(in crate::sandbox) patience: Duration,
    _stop: DropGuard,
}

/// Status and body; `None` when no readable answer came.
pub(in crate::sandbox) type SandboxAnswer = Option<(u16, Value)>;

impl Bench {
    pub(in crate::sandbox) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    async fn start_with(settings: SandboxOptions) -> Self {
        Self::start_in(settings, Environment::manual(Timestamp::from_seconds(1_700_000_000))).await
    }

    async fn start_in(settings: SandboxOptions, environment: Environment) -> Self {
        let clock = environment.clock.clone();
        let shutdown = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, settings, environment, shutdown.clone()).await.unwrap();
        // Fails only when a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { sandbox, clock, http, patience: LONG_PATIENCE, _stop: shutdown.drop_guard() }
    }

    pub(in crate::sandbox) fn url(&self, path: &str) -> String {
        self.sandbox.base_url().join(path).unwrap().to_string()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> reqwest::RequestBuilder {
        self.request_by("api_key_0123456789", method, path, body)
    }

    /// A request with this API key.
    fn request_by(&self, key: &str, method: &str, path: &str, body: &str) -> reqwest::RequestBuilder {
        let timestamp = self.clock.now().seconds();
        let message = format!("{method}\n{path}\n{body}\n{timestamp}");
        self.http
            .request(method.parse().unwrap(), self.url(path))
            .timeout(self.patience)
            .header("authorization", format!("Bearer {key}"))
            .header("x-api-key", key)
            .header("x-client-key", "client_key_0123456789")
            .header("x-timestamp", timestamp)
            .header("x-signature", hmac_hex(&settings().secret_key, message.as_bytes()))
            .body(body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request("GET", path, "")).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request("POST", path, &body.to_string())).await.unwrap()
    }

    async fn post_with_key(&self, path: &str, key: &str, body: Value) -> SandboxAnswer {
        answer(self.request("POST", path, &body.to_string()).header("idempotency-key", key)).await
    }

    /// Creates a payment of 100.00 USD; answers with its id.
    pub(in crate::sandbox) async fn intent(&self, reference: &str) -> String {
        let (status, intent) = self.post("/v1/payment-intents", intent(reference)).await;
        assert_eq!(status, 201, "{intent}");
        intent["id"].as_str().unwrap().to_owned()
    }

    async fn confirm(&self, id: &str, number: &str) -> SandboxAnswer {
        let path = format!("/v1/payment-intents/{id}/confirm");
        answer(self.request("POST", &path, &card(number).to_string())).await
    }

    /// A paid payment; answers with its id.
    async fn paid(&self, reference: &str) -> String {
        let id = self.intent(reference).await;
        assert_eq!(self.confirm(&id, "4111111111111111").await.unwrap().1["status"], "succeeded");
        id
    }

    async fn status_of(&self, id: &str) -> String {
        self.get(&format!("/v1/payments/{id}")).await.1["status"].as_str().unwrap().to_owned()
    }
}

pub(in crate::sandbox) async fn answer(request: reqwest::RequestBuilder) -> SandboxAnswer {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, serde_json::from_str(&response.text().await.ok()?).ok()?))
}

fn settings() -> SandboxOptions {
    SandboxOptions {
        api_key: "api_key_0123456789".into(),
        secret_key: "sk_upstream_0123456789".into(),
        client_key: "client_key_0123456789".into(),
        webhook_secret: WEBHOOK_SECRET.into(),
        commerce: SandboxAccount::default(),
        webhook_url: None,
        webhooks_at_a_time: 1,
        public_url: None,
        tick: None,
    }
}

fn intent(reference: &str) -> Value {
    json!({"amount": "100.00", "currency": "USD", "payment_method": "card", "reference_id": reference})
}

fn card(number: &str) -> Value {
    json!({"card_number": number, "card_expiry_month": "12", "card_expiry_year": "2030", "card_cvv": "123"})
}

/// A webhook as its receiver got it: signature and body.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct ReceivedWebhook(pub(in crate::sandbox) Arc<Mutex<Vec<(String, Bytes)>>>);

impl ReceivedWebhook {
    /// Starts a receiver and sends the sandbox's webhooks to it. It refuses the first `refusals`.
    pub(in crate::sandbox) async fn start(bench: &Bench, refusals: usize) -> Self {
        let (received, url) = Self::listen(refusals).await;
        bench.sandbox.set_webhook_url(Some(url));
        received
    }

    /// Starts a receiver that refuses the first `refusals`; answers with its address as well.
    pub(in crate::sandbox) async fn listen(refusals: usize) -> (Self, Url) {
        let received = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let take = async move |State(received): State<Self>, headers: HeaderMap, body: Bytes| {
            let signature = headers["x-signature"].to_str().unwrap().to_owned();
            let mut all = lock(&received.0);
            all.push((signature, body));
            if all.len() > refusals { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let app = Router::new().route("/hook", post(take)).with_state(received.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (received, url.parse().unwrap())
    }

    pub(in crate::sandbox) fn bodies(&self) -> Vec<Value> {
        lock(&self.0).iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    fn types(&self) -> Vec<String> {
        self.bodies().iter().map(|body| body["event_type"].as_str().unwrap().to_owned()).collect()
    }
}
