//! HTTP to Corefy, the same for every dialect: what bounds a call in time, size and number, what may be repeated, and
//! which outcomes leave it open whether anything was done.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Error, NotSent, Priority, call_log::CallLog};
use crate::domain::{clock::Timestamp, environment::Environment, ids::ApiCallId};
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
mod sender;
mod settings;
#[cfg(test)]
mod tests;

use breaker::CircuitBreaker;
use limiter::RateLimiter;
pub use limiter::TokenSource;
pub use no_connection::NoConnection;
use request::UNREACHABLE_RETRY;
pub use request::{Authorize, CallKind, HttpAnswer, HttpFailure, HttpRequest};
use sender::ReqwestSender;
pub use sender::{HttpResponse, HttpSender};
pub use settings::{SetupError, TransportSettings, require_host};

/// Pauses between repetitions: doubled each time, and up to twice as long by chance.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The last repetition begins before this multiple of the timeout is over: one that had no answer is repeated once.
const REPEAT_WITHIN: u32 = 2;

/// HTTP to the hosts of one account at Corefy: they share its rate limit, and one circuit breaker.
#[derive(Debug)]
pub struct Transport {
    sender: Arc<dyn HttpSender>,
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
        Self::sending_by(Arc::new(ReqwestSender::new(&settings)?), settings, environment, log)
    }

    /// The same with another sender than the network. The network's is not made: it reads the certificates of all authorities.
    pub fn sending_by(
        sender: Arc<dyn HttpSender>,
        settings: TransportSettings,
        environment: Environment,
        log: CallLog,
    ) -> Result<Self, SetupError> {
        settings::require_host("base URL", &settings.base_url)?;
        let limiter = RateLimiter::new(settings.rate_per_minute, Arc::new(limiter::LocalTokens::default()));
        let (breaker, telemetry, told_time) = (CircuitBreaker::default(), Telemetry::default(), AtomicI64::default());
        Ok(Self { sender, settings, limiter, breaker, environment, log, telemetry, told_time })
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
        Ok(self.read(self.sender.send(http).await?))
    }

    /// The base URL's own path, then the template's, in which `{id}` is one encoded segment, then the query.
    fn address(&self, request: &HttpRequest<'_>) -> Url {
        let mut url = request.base_url.unwrap_or(&self.settings.base_url).clone();
        url.set_query(None);
        url.set_fragment(None);
        let segments = request.template.trim_start_matches('/').split('/');
        let filled = segments.map(|segment| if segment == "{id}" { request.id.unwrap_or_default() } else { segment });
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(filled);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    fn read(&self, response: HttpResponse) -> HttpAnswer {
        let HttpResponse { status, headers, body } = response;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let now = self.environment.clock.now();
        let retry_after = text(RETRY_AFTER).and_then(|value| retry_after::parse(value, now));
        let date = text(DATE).and_then(retry_after::date);
        let kept = call_record::kept_headers(&headers);
        let code = if status.is_client_error() { self.log.refusal_code(&body) } else { None };
        HttpAnswer { retry_after, date, headers: kept, code, ..HttpAnswer::new(status, body) }
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
