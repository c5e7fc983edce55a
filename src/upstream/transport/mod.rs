//! HTTP to Corefy, the same for every dialect: what bounds a call in time, size and number, what may be repeated, and
//! which outcomes leave it open whether anything was done.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Error, NotSent, Priority, call_log::CallLog};
use crate::domain::{
    clock::Timestamp,
    environment::Environment,
    ids::ApiCallId,
    network::{Proxy, may_use_proxy},
};
use crate::telemetry::{
    Telemetry,
    catalogue::{
        BREAKER_OPEN, LIMITER_REFUSED, LIMITER_TOKENS, LIMITER_WAIT, UPSTREAM_DURATION, UPSTREAM_REQUESTS,
        UPSTREAM_UNREADABLE,
    },
    trace::{self, TRACEPARENT, TRACESTATE},
};

mod breaker;
mod call_record;
mod limiter;
mod no_connection;
mod request;
mod retry_after;
#[cfg(test)]
mod tests;

use breaker::CircuitBreaker;
use limiter::RateLimiter;
pub use limiter::TokenSource;
pub use no_connection::NoConnection;
pub use request::{Authorize, CallKind, HttpAnswer, HttpFailure, HttpRequest};

/// To make a connection, TLS included. Half the time of a whole request when that is less, so that a connection that is
/// never made is always known as such.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection unused for longer is closed by us before Corefy closes it under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest answer that is read, after decompression, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Pauses between repetitions: doubled each time, and up to twice as long by chance.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The last repetition begins before this multiple of the timeout is over: one that had no answer is repeated once.
const REPEAT_WITHIN: u32 = 2;

/// When it is worth trying again after no connection could be made.
const UNREACHABLE_RETRY: Duration = Duration::from_secs(5);

/// How Corefy is called.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// `http` or `https`, host, and a path that is put before every other; no query.
    pub base_url: Url,
    /// A proxy on the way, for what [`may_use_proxy`] allows.
    pub proxy: Option<Proxy>,
    /// For one attempt, whole.
    pub timeout: Duration,
    /// Repetitions of a call that may be repeated.
    pub retries: u32,
    /// Calls that may leave in any minute.
    pub rate_per_minute: u32,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the client for Corefy could not be set up: {0}")]
pub struct SetupError(String);

impl SetupError {
    /// `reason` is shown to the operator: it holds no secrets.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// HTTP to one host of Corefy.
#[derive(Debug)]
pub struct Transport {
    client: Client,
    settings: TransportSettings,
    limiter: RateLimiter,
    breaker: CircuitBreaker,
    environment: Environment,
    telemetry: Telemetry,
    log: CallLog,
    /// Corefy's own time, as its last answer told it; zero while none has.
    told_time: AtomicI64,
}

impl Transport {
    /// Sets up the client; connects only when something is sent. Every attempt is recorded in `log`.
    pub fn new(settings: TransportSettings, environment: Environment, log: CallLog) -> Result<Self, SetupError> {
        let url = &settings.base_url;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(SetupError::new("the base URL must be http or https with a host"));
        }
        // Fails only when one was installed before, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = through_proxy(Client::builder(), &settings)?
            .user_agent(concat!("corefy-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout / 2))
            .pool_idle_timeout(IDLE_TIMEOUT)
            .timeout(settings.timeout)
            .build()
            .map_err(setup_error)?;
        let limiter = RateLimiter::new(settings.rate_per_minute, Arc::new(limiter::LocalTokens::default()));
        let (breaker, telemetry, told_time) = (CircuitBreaker::default(), Telemetry::default(), AtomicI64::default());
        Ok(Self { client, settings, limiter, breaker, environment, log, telemetry, told_time })
    }

    /// Corefy's own time, to the second, as its last answer told it. `None` before the first that does.
    pub fn last_told_time(&self) -> Option<Timestamp> {
        Some(Timestamp(self.told_time.load(Ordering::Relaxed))).filter(|time| time.0 != 0)
    }

    /// Takes tokens from `source` instead of this process's own quota.
    pub fn with_token_source(self, source: Arc<dyn TokenSource>) -> Self {
        Self { limiter: RateLimiter::new(self.settings.rate_per_minute, source), ..self }
    }

    /// Has what is sent measured.
    pub fn with_telemetry(self, telemetry: Telemetry) -> Self {
        telemetry.set(&BREAKER_OPEN, [], 0);
        for priority in Priority::ALL {
            telemetry.init_zero(&LIMITER_REFUSED, [priority.as_str()]);
        }
        Self { telemetry, ..self }
    }

    /// Makes the call, repeating it as far as that is safe. Answers are successes (2xx) and refusals in Corefy's own
    /// words (4xx, except 408 and 429); anything else is the error that [`HttpRequest::unclear`] gives.
    pub async fn send(&self, request: &HttpRequest<'_>, authorize: &dyn Authorize) -> Result<HttpAnswer, Error> {
        let started = Instant::now();
        let mut pauses = self.pauses();
        loop {
            let outcome = self.attempt(request, authorize).await;
            let asked = outcome.as_ref().ok().and_then(|answer| answer.retry_after).unwrap_or_default();
            let pause = if request.may_repeat_after(&outcome) { pauses.next() } else { None };
            match pause.map(|pause| pause.max(asked)) {
                Some(pause) if started.elapsed() + pause < self.settings.timeout.saturating_mul(REPEAT_WITHIN) => {
                    sleep(pause).await
                }
                _ => return request.settle(outcome),
            }
        }
    }

    /// Makes one attempt, whatever the answer.
    pub async fn attempt(
        &self,
        request: &HttpRequest<'_>,
        authorize: &dyn Authorize,
    ) -> Result<HttpAnswer, HttpFailure> {
        let outcome = match self.acquire_token(request).await {
            Ok(()) => {
                let (id, sent_at, started) =
                    (ApiCallId::generate(&self.environment.ids), self.environment.clock.now(), Instant::now());
                let mut span = self.telemetry.calling(request.operation);
                let outcome = trace::within(span.place().cloned(), self.exchange(request, authorize)).await;
                let latency = started.elapsed();
                call_record::trace(&mut span, &id, request, &outcome);
                self.finish(request, &outcome, latency);
                let unreadable = self.log.unreadable(request.operation, &outcome);
                for part in &unreadable {
                    self.telemetry.count(&UPSTREAM_UNREADABLE, [request.operation, part]);
                }
                let attempt = call_record::HttpAttempt { id, sent_at, latency, unreadable };
                self.log.record(|redact| call_record::api_call(attempt, request, &outcome, redact));
                outcome
            }
            Err(failure) => Err(failure),
        };
        let labels = [request.operation, request.outcome(&outcome), request::status_class(&outcome)];
        self.telemetry.count(&UPSTREAM_REQUESTS, labels);
        outcome
    }

    /// Waits until the request may be sent.
    async fn acquire_token(&self, request: &HttpRequest<'_>) -> Result<(), HttpFailure> {
        let refused = |reason| move |retry_after| HttpFailure::NotSent { reason, retry_after };
        self.breaker.admit(self.environment.clock.now()).map_err(refused(NotSent::CircuitOpen))?;
        let (started, priority) = (Instant::now(), request.scheduling.priority.as_str());
        let partner = request.subject.map(|subject| subject.partner_id);
        let tokens = self.limiter.acquire(request.scheduling, partner).await.map_err(|wait| {
            self.telemetry.count(&LIMITER_REFUSED, [priority]);
            refused(NotSent::RateLimited)(wait)
        })?;
        self.telemetry.time(&LIMITER_WAIT, [priority], started.elapsed());
        self.telemetry.set(&LIMITER_TOKENS, [], tokens);
        if self.environment.clock.now() > request.not_after {
            return Err(refused(NotSent::TooLate)(UNREACHABLE_RETRY));
        }
        Ok(())
    }

    async fn exchange(&self, request: &HttpRequest<'_>, authorize: &dyn Authorize) -> Result<HttpAnswer, HttpFailure> {
        let mut http = reqwest::Request::new(request.method.clone(), self.address(request));
        *http.headers_mut() = authorize.headers(request, http.url().path());
        if let Some(parent) = trace::current() {
            let value = HeaderValue::from_str(parent.as_str()).expect("it is made of hexadecimal digits");
            http.headers_mut().insert(TRACEPARENT, value);
            if let Some(state) = parent.state_header().and_then(|state| HeaderValue::from_str(&state).ok()) {
                http.headers_mut().insert(TRACESTATE, state);
            }
        }
        if !request.body.is_empty() {
            http.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *http.body_mut() = Some(request.body.clone().into());
        }
        let response = self.client.execute(http).await.map_err(|error| self.failure(error))?;
        self.read(response).await
    }

    /// The base URL's own path, then the template's, in which `{id}` is one encoded segment.
    fn address(&self, request: &HttpRequest<'_>) -> Url {
        let mut url = self.settings.base_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let segments = request.template.trim_start_matches('/').split('/');
        let filled = segments.map(|segment| if segment == "{id}" { request.id.unwrap_or_default() } else { segment });
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(filled);
        }
        url
    }

    async fn read(&self, mut response: Response) -> Result<HttpAnswer, HttpFailure> {
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = wait.and_then(|value| retry_after::parse(value, self.environment.clock.now()));
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok()).and_then(retry_after::date);
        let headers = call_record::kept_headers(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(HttpFailure::Broken(format!("the answer is larger than {LARGEST_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let code = if status.is_client_error() { self.log.refusal_code(&body) } else { None };
        Ok(HttpAnswer { retry_after, date, headers, code, ..HttpAnswer::new(status, body) })
    }

    /// Only a connection that could not be made proves that nothing was sent: an error on one that stood before proves
    /// nothing, however early it comes.
    fn failure(&self, error: reqwest::Error) -> HttpFailure {
        if error.is_connect() {
            let why = if error.is_timeout() { NoConnection::TimedOut } else { NoConnection::read(&error) };
            HttpFailure::NotSent { reason: NotSent::Unreachable(why), retry_after: UNREACHABLE_RETRY }
        } else if error.is_timeout() {
            HttpFailure::Broken(format!("no complete answer within {:?}", self.settings.timeout))
        } else {
            HttpFailure::Broken(format!("the exchange broke off: {}", root_cause(error)))
        }
    }

    /// Every attempt that went out ends here, whatever came of it.
    fn finish(&self, request: &HttpRequest<'_>, outcome: &Result<HttpAnswer, HttpFailure>, latency: Duration) {
        let status = outcome.as_ref().ok().map(|answer| answer.status);
        match outcome {
            Ok(answer) if answer.is_corefys() => {
                self.breaker.succeeded();
                self.told_time.store(answer.date.map_or(0, |date| date.0), Ordering::Relaxed);
            }
            Ok(_) | Err(_) => self.breaker.failed(self.environment.clock.now()),
        }
        self.telemetry.set(&BREAKER_OPEN, [], u32::from(self.breaker.is_open()));
        self.telemetry.time(&UPSTREAM_DURATION, [request.operation], latency);
        tracing::debug!(
            operation = request.operation,
            method = request.method.as_str(),
            path = request.template,
            status = status.map(|status| status.as_u16()),
            latency = ?latency,
            request_id = request.request_id,
            "called Corefy"
        );
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> {
        let retries = usize::try_from(self.settings.retries).unwrap_or(usize::MAX);
        let pauses = ExponentialBuilder::new().with_min_delay(SHORTEST_PAUSE).with_max_delay(LONGEST_PAUSE);
        pauses.with_max_times(retries).with_jitter().with_jitter_seed(self.environment.randomness.number()).build()
    }
}

/// A client that goes by the proxy of the settings where that is allowed; by itself reqwest would go by whatever proxy the
/// environment names, also with a card in clear.
fn through_proxy(client: ClientBuilder, settings: &TransportSettings) -> Result<ClientBuilder, SetupError> {
    match settings.proxy.as_ref().filter(|_| may_use_proxy(&settings.base_url)) {
        Some(proxy) => Ok(client.proxy(reqwest::Proxy::https(proxy.url().clone()).map_err(setup_error)?)),
        None => Ok(client.no_proxy()),
    }
}

fn setup_error(error: reqwest::Error) -> SetupError {
    SetupError::new(root_cause(error))
}

/// The innermost cause: the layers around it repeat each other, and the outermost names the URL.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
