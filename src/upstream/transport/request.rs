//! One call to Corefy as a dialect describes it, what came back, and the verdict on it.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::super::{Error, NotSent, Scheduling, Subject};
use crate::domain::clock::Timestamp;

/// The origin of a refusal that is not Corefy's own.
const FOREIGN: &str = "from something between the gateway and Corefy, not from Corefy itself";

/// When it is worth trying again after no connection could be made.
pub(super) const UNREACHABLE_RETRY: Duration = Duration::from_secs(5);

/// Whether a call may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Changes nothing at Corefy: repeated when it fails.
    Read,
    /// May change something: never sent again once anything of it may have left.
    Mutation,
}

/// One call. Has no `Debug`: the body can hold a card.
pub struct HttpRequest<'a> {
    /// Name for logs, as `payment_intent.create`.
    pub operation: &'static str,
    /// Whether it may be sent twice.
    pub kind: CallKind,
    /// HTTP method.
    pub method: Method,
    /// Path below the base URL, beginning with `/`; a segment `{id}` stands for [`Self::id`].
    pub template: &'static str,
    /// The value of `{id}`; it is percent-encoded.
    pub id: Option<&'a str>,
    /// Another host of Corefy's than the transport's own, with a path that is put before the template.
    pub base_url: Option<&'a Url>,
    /// Names and values after the path, each percent-encoded.
    pub query: Vec<(&'static str, &'a str)>,
    /// JSON, or empty.
    pub body: Vec<u8>,
    /// The operation of ours that it belongs to, for logs.
    pub operation_id: Option<&'a str>,
    /// The same at every repetition; `None` for an API without such keys.
    pub idempotency_key: Option<&'a str>,
    /// The gRPC request it serves, for logs; may be empty.
    pub request_id: &'a str,
    /// Nothing is sent after this moment.
    pub not_after: Timestamp,
    /// Its priority and deadline in the rate limiter.
    pub scheduling: Scheduling,
    /// The object of ours that it is about, for the log of calls and for its partner's share of the rate limit.
    pub subject: Option<Subject<'a>>,
}

impl<'a> HttpRequest<'a> {
    /// A `GET`.
    pub fn read(operation: &'static str, template: &'static str, scheduling: Scheduling) -> Self {
        Self {
            operation,
            kind: CallKind::Read,
            method: Method::GET,
            template,
            id: None,
            base_url: None,
            query: Vec::new(),
            body: Vec::new(),
            operation_id: None,
            idempotency_key: None,
            request_id: "",
            not_after: Timestamp(i64::MAX),
            scheduling,
            subject: None,
        }
    }

    /// A `POST` that changes nothing: a question with a body, which is repeated as any other.
    pub fn question(operation: &'static str, template: &'static str, scheduling: Scheduling) -> Self {
        Self { method: Method::POST, ..Self::read(operation, template, scheduling) }
    }

    /// A `POST` that may change something.
    pub fn mutation(operation: &'static str, template: &'static str, call: super::super::Call<'a>) -> Self {
        Self {
            kind: CallKind::Mutation,
            method: Method::POST,
            operation_id: Some(call.operation_id.as_str()),
            idempotency_key: Some(call.operation_id.as_str()),
            request_id: call.request_id,
            not_after: call.not_after,
            ..Self::read(operation, template, call.scheduling)
        }
    }

    /// With the object of ours that it is about.
    pub fn about(self, subject: impl Into<Subject<'a>>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// With what to put for `{id}`.
    pub fn with_id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// To another host of Corefy's.
    pub fn at(self, base_url: &'a Url) -> Self {
        Self { base_url: Some(base_url), ..self }
    }

    /// With one more pair after the path.
    pub fn with_query(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    /// Without a key against repetition, to an API that knows none.
    pub fn without_key(self) -> Self {
        Self { idempotency_key: None, ..self }
    }

    /// With a JSON body. Only types that always have a JSON form are sent: maps with text keys, numbers, text.
    pub fn with_body(self, body: &impl serde::Serialize) -> Self {
        Self { body: serde_json::to_vec(body).expect("bodies are maps with text keys"), ..self }
    }

    /// The error for an answer that leaves it open what was done.
    pub fn unclear(&self, detail: impl Into<String>) -> Error {
        match self.kind {
            CallKind::Read => Error::Protocol(detail.into()),
            CallKind::Mutation => Error::Unknown(detail.into()),
        }
    }

    /// Whether the call may be made again after this outcome.
    pub(super) fn may_repeat_after(&self, outcome: &Result<HttpAnswer, HttpFailure>) -> bool {
        let is_read = self.kind == CallKind::Read;
        match outcome {
            Err(HttpFailure::NotSent { reason, .. }) => matches!(reason, NotSent::Unreachable(_)),
            Err(HttpFailure::Broken(_)) => is_read,
            Ok(answer) => is_read && (answer.is_temporary() || answer.status.is_server_error()),
        }
    }

    /// The label of an outcome: what [`Self::settle`] makes of it.
    pub(super) fn outcome(&self, outcome: &Result<HttpAnswer, HttpFailure>) -> &'static str {
        match (outcome, self.kind) {
            (Ok(answer), _) if answer.status.is_success() => "ok",
            (Ok(answer), _) if answer.is_refusal() => "rejected",
            (Err(HttpFailure::NotSent { .. }), _) => "not_sent",
            (_, CallKind::Read) => "protocol",
            (_, CallKind::Mutation) => "unknown",
        }
    }

    /// The verdict: a success, a refusal of Corefy's own (400 to 499 for good), or an error.
    pub(super) fn settle(&self, outcome: Result<HttpAnswer, HttpFailure>) -> Result<HttpAnswer, Error> {
        match outcome {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) if answer.is_refusal() => Ok(answer),
            Ok(answer) => Err(self.unclear(answer.words())),
            Err(HttpFailure::NotSent { reason, retry_after }) => Err(Error::NotSent { reason, retry_after }),
            Err(HttpFailure::Broken(detail)) => Err(self.unclear(detail)),
        }
    }
}

/// The answer. Has no `Debug`: the body can hold personal data.
pub struct HttpAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// Decompressed, of bounded size.
    pub body: Vec<u8>,
    /// How long Corefy asks to wait before a repetition.
    pub(super) retry_after: Option<Duration>,
    /// When Corefy says that it answered.
    pub date: Option<Timestamp>,
    /// The headers that the log of calls keeps.
    pub(super) headers: BTreeMap<String, String>,
    /// Corefy's code, where the body of an answer of 400 to 499 is Corefy's own.
    pub(super) code: Option<String>,
}

impl HttpAnswer {
    /// An answer that asks for no wait and has no date.
    pub fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, body, retry_after: None, date: None, headers: BTreeMap::new(), code: None }
    }

    /// A refusal for good, in Corefy's own words: definitely nothing was done. The same status from something between
    /// Corefy and us says nothing of what Corefy did.
    pub fn is_refusal(&self) -> bool {
        self.status.is_client_error() && !self.is_temporary() && self.code.is_some()
    }

    /// Whether something between Corefy and us answered in Corefy's place. A temporary refusal may come from either.
    pub fn is_foreign(&self) -> bool {
        self.status.is_client_error() && !self.is_temporary() && self.code.is_none()
    }

    /// Whether it shows that Corefy is at work: it did as asked, refused in its own words, or said that it is not the moment.
    pub fn is_corefys(&self) -> bool {
        self.status.is_success() || self.is_refusal() || self.is_temporary()
    }

    /// An answer without success, in a few words.
    pub fn words(&self) -> String {
        let status = self.status.as_u16();
        if self.is_foreign() { format!("HTTP {status} {FOREIGN}") } else { format!("HTTP {status}") }
    }

    /// A refusal of this moment only, which says nothing of what was done: 408 and 429.
    fn is_temporary(&self) -> bool {
        matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
    }
}

/// The class of the HTTP status; `none` without an answer.
pub(super) fn status_class(outcome: &Result<HttpAnswer, HttpFailure>) -> &'static str {
    match outcome.as_ref().map(|answer| answer.status.as_u16() / 100) {
        Ok(2) => "2xx",
        Ok(3) => "3xx",
        Ok(4) => "4xx",
        Ok(_) => "5xx",
        Err(_) => "none",
    }
}

/// Why an attempt had no answer.
#[derive(Debug)]
pub enum HttpFailure {
    /// Definitely nothing was sent.
    NotSent {
        /// Why not.
        reason: NotSent,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something may have been sent; a sentence without URL, headers or bodies.
    Broken(String),
}

/// Authenticates us to Corefy, as a dialect does it.
pub trait Authorize: Send + Sync {
    /// The headers of one attempt, made anew for each since they can hold the time. `path` is what goes over the wire.
    fn headers(&self, request: &HttpRequest<'_>, path: &str) -> HeaderMap;
}
