//! The layer around every call, whatever its service: its id, its deadline, its line in the log, and the final form of
//! its answer.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use tokio::time::{Instant, timeout_at};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{HeaderMap, HeaderValue, Request, Response},
    service::Routes,
};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::{
    domain::ids::Ids,
    error::{Error, Reason},
    telemetry::{
        Telemetry,
        trace::{self, TraceParent},
    },
};

use super::{
    access_log::AccessRecord,
    deadline,
    metadata::{PREVIOUS_ATTEMPTS, REQUEST_ID, TRACEPARENT, TRACESTATE},
    request_id::RequestId,
    status,
};

/// When the caller stops waiting for the answer. Travels in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub(super) Instant);

/// Serves one call.
pub(super) async fn serve(
    routes: Routes,
    telemetry: Telemetry,
    ids: &Ids,
    mut request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let id = RequestId::of(request.headers(), ids);
    let path = request.uri().path().to_owned();
    let parent = trace_parent(request.headers());
    let attempts = previous_attempts(request.headers());
    let mut record = AccessRecord::begin(&path, &id, parent, telemetry);
    request.extensions_mut().insert(id.clone());
    let place = record.trace.place().cloned();
    let response = trace::within(place, respond(routes, request)).instrument(record.span.clone()).await;
    let response = record.span.in_scope(|| finish(response, &path, &id, attempts.as_deref(), &mut record.code));
    Ok(response)
}

/// How often gRPC's own repetition has made the call before, when it has. A count that cannot be read counts as one: that
/// there were none is not certain.
fn previous_attempts(headers: &HeaderMap) -> Option<String> {
    let read = |value: &HeaderValue| value.to_str().ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    let count: u32 = headers.get_all(PREVIOUS_ATTEMPTS).iter().map(read).max()?;
    (count > 0).then(|| count.to_string())
}

/// The caller's trace; a header that occurs twice or is malformed counts as absent, as the standard has it.
fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let first = given.next()?.to_str().ok()?;
    let parent = given.next().is_none().then(|| TraceParent::parse(first))??;
    let states: Result<Vec<_>, _> = headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str).collect();
    Some(parent.with_state(trace::state(states.unwrap_or_default().into_iter())))
}

/// Runs the call within its deadline. A panic ends the call and nothing else.
async fn respond(routes: Routes, mut request: Request<Body>) -> Response<Body> {
    let allowance = deadline::allowance(request.headers());
    let deadline = Instant::now() + allowance;
    request.extensions_mut().insert(Deadline(deadline));
    let error = match timeout_at(deadline, caught(routes.oneshot(request))).await {
        Ok(Some(Ok(response))) => return response,
        Ok(Some(Err(never))) => match never {},
        Ok(None) => Error::new(Reason::Internal, "a fault of the gateway; give the request id to the operator"),
        Err(_) => Error::new(
            Reason::DeadlineExceeded,
            "the deadline passed; what was begun goes on, read the object to learn the truth",
        ),
    };
    Status::from(error).into_http()
}

/// The output of `future`, or `None` when it panicked; the panic hook has reported that already.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Gives a refusal its details, notes the code, and echoes the id.
fn finish(
    mut response: Response<Body>,
    path: &str,
    id: &RequestId,
    attempts: Option<&str>,
    code: &mut Code,
) -> Response<Body> {
    let facts: Vec<_> =
        [Some(status::request_id(&id.0)), attempts.map(status::previous_attempts)].into_iter().flatten().collect();
    *code = Code::Ok;
    let status = match response.extensions_mut().remove::<Status>() {
        None if is_unimplemented(&response) => Some(no_method(path)),
        Some(status) if status.code() == Code::Unimplemented && status.message().is_empty() => Some(no_method(path)),
        status => status,
    };
    if let Some(status) = status {
        let status = status::outgoing(status, &facts);
        *code = status.code();
        response = status.into_http();
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The longest path that is repeated to the caller, in characters.
const LONGEST_PATH: usize = 200;

/// Whether a service has no such method, which it says by the code alone.
fn is_unimplemented(response: &Response<Body>) -> bool {
    let code = response.headers().get(Status::GRPC_STATUS).and_then(|code| code.to_str().ok());
    code.is_some_and(|code| code == (Code::Unimplemented as i32).to_string())
}

/// The refusal of a method that there is not, which tonic answers without a word.
fn no_method(path: &str) -> Status {
    let method: String = path.trim_start_matches('/').chars().take(LONGEST_PATH).collect();
    let message = format!("there is no method {method}; compare the protos of client and gateway");
    Error::new(Reason::MethodUnknown, message).with("method", method).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::codegen::http;
    use tonic_types::StatusExt as _;

    use super::*;

    /// Routes with one call that does as `handler` does.
    fn routes<F: Future<Output = ()> + Send + 'static>(handler: fn() -> F) -> Routes {
        let mut routes = Routes::default();
        let service = tower::service_fn(move |_: Request<axum::body::Body>| async move {
            handler().await;
            Ok::<_, Infallible>(Response::new(axum::body::Body::empty()))
        });
        let router = std::mem::take(routes.axum_router_mut());
        *routes.axum_router_mut() = router.route_service("/test/call", service);
        routes
    }

    async fn call(routes: Routes, headers: &[(&'static str, &'static str)]) -> Response<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static("/test/call");
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        serve(routes, Telemetry::default(), &Ids::system(), request).await.unwrap()
    }

    fn reason(response: &Response<Body>) -> (Code, String) {
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
    }

    #[tokio::test]
    async fn an_id_is_echoed_when_it_fits_and_made_when_not() {
        let id = |response: Response<Body>| response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert_eq!(id(call(routes(|| async {}), &[(REQUEST_ID, "order-7")]).await), "order-7");
        assert_eq!(id(call(routes(|| async {}), &[(REQUEST_ID, "two words")]).await).len(), 36);
        assert_eq!(id(call(routes(|| async {}), &[]).await).len(), 36);
    }

    #[tokio::test]
    async fn a_call_over_its_deadline_is_answered_with_the_reason() {
        let response = call(routes(std::future::pending), &[("grpc-timeout", "1m"), (REQUEST_ID, "late")]).await;
        assert_eq!(reason(&response), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
        assert_eq!(response.headers()[REQUEST_ID], "late");
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_fault_of_the_gateway() {
        let response = call(routes(|| async { panic!("on purpose") }), &[]).await;
        assert_eq!(reason(&response), (Code::Internal, "INTERNAL".to_owned()));
    }

    #[tokio::test]
    async fn a_call_that_does_not_hurry_is_not_cut_short() {
        let response = call(routes(|| tokio::time::sleep(Duration::from_millis(1))), &[("grpc-timeout", "9S")]).await;
        assert!(Status::from_header_map(response.headers()).is_none());
    }
}
