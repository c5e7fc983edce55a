//! Records one attempt in the log of calls and in the trace.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::HeaderMap;

use super::{HttpAnswer, HttpFailure, HttpRequest};
use crate::{
    domain::{
        api_call::{ApiCall, CallOutcome, Exchange, UNREADABLE},
        clock::Timestamp,
        ids::{ApiCallId, OperationId},
    },
    telemetry::Span,
    upstream::{call_log::Redact, sanitize},
};

/// The headers of answers that are kept; of all others nothing is.
const KEPT_HEADERS: [&str; 6] =
    ["content-type", "content-length", "date", "retry-after", "x-request-id", "x-correlation-id"];

/// The longest value of a header that is kept, in characters.
const LONGEST_HEADER: usize = 255;

/// When an attempt was made.
pub(super) struct HttpAttempt {
    pub id: ApiCallId,
    pub sent_at: Timestamp,
    pub latency: Duration,
    /// The parts of the answer that cannot be read.
    pub unreadable: Vec<&'static str>,
}

/// The headers of an answer that are kept.
pub(super) fn kept_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let kept = KEPT_HEADERS.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
    kept.map(|(name, value)| (name.to_owned(), sanitize::bounded(value, LONGEST_HEADER))).collect()
}

/// The record of an attempt, redacted.
pub(super) fn api_call(
    attempt: HttpAttempt,
    request: &HttpRequest<'_>,
    outcome: &Result<HttpAnswer, HttpFailure>,
    redact: &Redact,
) -> ApiCall {
    let (class, error_code, error) = verdict(outcome, &attempt.unreadable, redact);
    let subject = request.subject;
    ApiCall {
        id: attempt.id,
        partner_id: subject.map(|subject| subject.partner_id.clone()),
        operation: request.operation.to_owned(),
        method: request.method.to_string(),
        path: request.template.to_owned(),
        upstream_id: request.id.map(|id| sanitize::bounded(id, LONGEST_HEADER)),
        operation_id: request.operation_id.and_then(OperationId::parse),
        subject_id: subject.map(|subject| subject.id.to_owned()),
        payment_intent_id: subject.and_then(|subject| subject.payment_intent_id.cloned()),
        request_id: request.request_id.to_owned(),
        outcome: class,
        http_status: outcome.as_ref().ok().map(|answer| answer.status.as_u16()),
        error_code,
        latency: attempt.latency,
        exchange: exchange(request, outcome, error, redact),
        created_at: attempt.sent_at,
    }
}

/// Notes what became of an attempt: of what was said, nothing.
pub(super) fn trace(
    span: &mut Span,
    id: &ApiCallId,
    request: &HttpRequest<'_>,
    outcome: &Result<HttpAnswer, HttpFailure>,
) {
    span.text("http.request.method", request.method.as_str());
    span.text("url.template", request.template);
    span.text("corefy_gateway.api_call_id", id.as_str());
    let subject_id = request.subject.map(|subject| subject.id);
    let ids = [
        ("corefy_gateway.request_id", Some(request.request_id).filter(|id| !id.is_empty())),
        ("corefy_gateway.operation_id", request.operation_id),
        ("corefy_gateway.object_id", subject_id),
    ];
    for (key, id) in ids {
        if let Some(id) = id {
            span.text(key, id);
        }
    }
    if let Ok(answer) = outcome {
        span.number("http.response.status_code", i64::from(answer.status.as_u16()));
    }
    let class = request.outcome(outcome);
    span.text("corefy_gateway.outcome", class);
    if class != "ok" {
        span.failed(class);
    }
}

/// How it ended, with the code and the sentence of what went wrong.
fn verdict(
    outcome: &Result<HttpAnswer, HttpFailure>,
    unreadable: &[&str],
    redact: &Redact,
) -> (CallOutcome, Option<String>, String) {
    match outcome {
        Ok(answer) if answer.status.is_success() && unreadable.is_empty() => {
            (CallOutcome::Succeeded, None, String::new())
        }
        Ok(answer) if answer.status.is_success() => {
            let error = format!("these parts of the answer could not be read: {}", unreadable.join(", "));
            (CallOutcome::Succeeded, Some(UNREADABLE.to_owned()), error)
        }
        Ok(answer) => {
            let code = (redact.error_code)(&answer.body);
            let code = code.unwrap_or_else(|| format!("http_{}", answer.status.as_u16()));
            let class = if answer.is_refusal() { CallOutcome::Rejected } else { CallOutcome::Unclear };
            let error = if answer.is_foreign() { answer.words() } else { String::new() };
            (class, Some(code), error)
        }
        Err(HttpFailure::NotSent { reason, .. }) => {
            (CallOutcome::NotSent, Some("not_sent".to_owned()), reason.to_string())
        }
        Err(HttpFailure::Broken(detail)) => {
            (CallOutcome::Unclear, Some("no_answer".to_owned()), sanitize::sentence(detail))
        }
    }
}

fn exchange(
    request: &HttpRequest<'_>,
    outcome: &Result<HttpAnswer, HttpFailure>,
    error: String,
    redact: &Redact,
) -> Exchange {
    let content_type = (!request.body.is_empty()).then_some(("content-type", "application/json"));
    let key = request.idempotency_key.map(|key| ("idempotency-key", key));
    let headers = content_type.into_iter().chain(key);
    let answer = outcome.as_ref().ok();
    Exchange {
        error,
        request_headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        request_body: (redact.body)(&request.body),
        response_headers: answer.map(|answer| answer.headers.clone()).unwrap_or_default(),
        response_body: answer.map(|answer| (redact.body)(&answer.body)).unwrap_or_default(),
    }
}
