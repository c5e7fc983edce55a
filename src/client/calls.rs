//! Adds to every outgoing call the key, a deadline, an idempotency key, and repetitions where they are safe.

use std::{
    error::Error,
    future::Future,
    iter,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION, request::Parts};
use http_body_util::{BodyExt, Full};
use prost::bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Status, TimeoutExpired, body::Body, metadata::MetadataValue, transport::Channel};
use tower::{Service, ServiceExt};
use uuid::Uuid;

use super::{
    error::{DOUBTED, GatewayError},
    methods::Method,
    repetition::pause,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const TIMEOUT: &str = "grpc-timeout";
/// For a stream and its opening: none that is ever reached.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

type BoxError = Box<dyn Error + Send + Sync>;

/// A connection to the gateway on which every call has what it needs: the transport of the generated clients.
#[derive(Clone, Debug)]
pub struct Calls<S = Channel> {
    inner: S,
    authorization: HeaderValue,
    timeout: Duration,
}

impl<S> Calls<S> {
    pub(super) fn new(inner: S, mut authorization: HeaderValue, timeout: Duration) -> Self {
        authorization.set_sensitive(true);
        Self { inner, authorization, timeout }
    }
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    /// Always ready: each attempt waits for the connection itself.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (mut call, body) = request.into_parts();
        let method = Method::at(call.uri.path());
        call.headers.insert(AUTHORIZATION, self.authorization.clone());
        if method.changes && !call.headers.contains_key(IDEMPOTENCY_KEY) {
            let key = Uuid::now_v7().to_string();
            call.headers.insert(IDEMPOTENCY_KEY, HeaderValue::try_from(key).expect("a UUID is visible ASCII"));
        }
        let default = if method.streams { NEVER } else { self.timeout };
        let deadline = Instant::now() + timeout_of(&call).unwrap_or(default);
        let inner = self.inner.clone();
        Box::pin(async move {
            let message = body.collect().await?.to_bytes();
            repeat(inner, call, message, method, deadline).await
        })
    }
}

/// Makes a call, again and again while that is safe and the deadline allows it.
async fn repeat<S>(
    inner: S,
    mut call: Parts,
    message: Bytes,
    method: Method,
    deadline: Instant,
) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Error: Into<BoxError>,
{
    let mut is_provable = true;
    for attempts in 1.. {
        if !method.streams {
            let left = deadline.saturating_duration_since(Instant::now()).as_millis();
            call.headers.insert(TIMEOUT, format!("{left}m").parse().expect("digits and a letter"));
        }
        let request = Request::from_parts(call.clone(), Body::new(Full::new(message.clone())));
        let status = match timeout_at(deadline, attempt(inner.clone(), request, method)).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(status)) => doubted_unless(is_provable, status),
            Err(_) => return Err(out_of_time()),
        };
        is_provable = GatewayError::from(status.clone()).nothing_was_sent();
        match pause(attempts, &status) {
            Some(wait) if Instant::now() + wait < deadline => sleep(wait).await,
            _ => return Err(status),
        }
    }
    unreachable!("there is no pause after the last attempt")
}

/// The status, with a note unless it is provable that no attempt before arrived.
fn doubted_unless(is_provable: bool, mut status: Status) -> Status {
    if !is_provable {
        status.metadata_mut().insert(DOUBTED, MetadataValue::from_static("true"));
    }
    status
}

/// Makes a call once. Of a call with one answer, all of the answer is there when it returns.
async fn attempt<S>(inner: S, request: Request<Body>, method: Method) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<BoxError>,
{
    let response = inner.oneshot(request).await.map_err(unanswered)?;
    let (head, body) = response.into_parts();
    passed_on(head.status)?;
    succeeded(&head.headers)?;
    if method.streams {
        return Ok(Response::from_parts(head, body));
    }
    let answer = body.collect().await.map_err(unanswered)?;
    answer.trailers().map_or(Ok(()), succeeded)?;
    Ok(Response::from_parts(head, Body::new(answer)))
}

/// Turns the refusal of a proxy, which speaks HTTP, into its gRPC status. Other malformed answers are left to the
/// generated client.
fn passed_on(status: StatusCode) -> Result<(), Status> {
    match status.as_u16() {
        429 | 502..=504 => Err(Status::unavailable(format!("something on the way answered HTTP {status}"))),
        _ => Ok(()),
    }
}

fn succeeded(headers: &http::HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(()),
    }
}

/// A call without an answer is `UNAVAILABLE`, whatever broke: it may have arrived, and may be made again, for it
/// has an idempotency key or changes nothing.
fn unanswered(error: impl Into<BoxError>) -> Status {
    let error = error.into();
    let first: &(dyn Error + 'static) = &*error;
    let causes = iter::successors(Some(first), |&error| error.source());
    if causes.clone().any(|cause| cause.is::<TimeoutExpired>()) {
        return out_of_time();
    }
    Status::unavailable(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn out_of_time() -> Status {
    Status::deadline_exceeded("no answer within the call's timeout")
}

/// The timeout that the caller gave the request.
fn timeout_of(call: &Parts) -> Option<Duration> {
    let text = call.headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 60 * 60),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
