//! Calls on a gateway of the tests, which answers, refuses, breaks off or hangs.

use std::{
    collections::HashMap,
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use http::HeaderMap;
use tonic::Request as Call;
use tonic_types::{ErrorDetails, StatusExt};
use tower::service_fn;

use super::*;
use crate::{
    client::{GatewayError, Options, connect, connect_with},
    pb::{
        CreateRefundRequest, GetRefundRequest, StreamEventsRequest, event_service_client::EventServiceClient,
        refund_service_client::RefundServiceClient,
    },
};

const SOON: Duration = Duration::from_millis(300);

/// The reaction of the test gateway to a call.
enum Deed {
    Answer,
    Refuse(Status),
    Break,
    Hang,
}

use Deed::{Answer, Break, Hang, Refuse};

/// The headers of each call that a gateway got.
type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// A gateway that does these deeds, one a call.
fn gateway(deeds: impl IntoIterator<Item = Deed>) -> (Calls<impl TestTransport>, Seen) {
    let seen = Seen::default();
    let deeds = Arc::new(Mutex::new(deeds.into_iter().collect::<Vec<_>>().into_iter()));
    let calls = seen.clone();
    let inner = service_fn(move |request: Request<Body>| {
        calls.lock().unwrap().push(request.headers().clone());
        let deed = deeds.lock().unwrap().next().expect("no more calls");
        async {
            match deed {
                Answer => Ok(empty_message()),
                Refuse(status) => Ok(status.into_http()),
                Break => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
                Hang => pending().await,
            }
        }
    });
    (Calls::new(inner, HeaderValue::from_static("Bearer pk_a:sk_b"), SOON), seen)
}

trait TestTransport:
    Service<Request<Body>, Response = Response<Body>, Error = io::Error, Future: Send> + Clone + Send + 'static
{
}

impl<S> TestTransport for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = io::Error, Future: Send> + Clone + Send + 'static
{
}

fn empty_message() -> Response<Body> {
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(async { Some(Ok(trailers)) });
    Response::new(Body::new(body))
}

fn refund() -> CreateRefundRequest {
    CreateRefundRequest { payment_id: "pi_1".into(), ..Default::default() }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_call_that_changes_something_is_repeated_under_the_same_key() {
    let (calls, seen) = gateway([Refuse(Status::unavailable("")), Break, Answer]);
    let calls = Calls { timeout: Duration::from_secs(10), ..calls };
    RefundServiceClient::new(calls).create_refund(refund()).await.unwrap();
    let seen = seen.lock().unwrap();
    let keys: Vec<_> = seen.iter().map(|headers| header(headers, IDEMPOTENCY_KEY).unwrap()).collect();
    assert_eq!(keys, [keys[0]; 3]);
    assert!(Uuid::parse_str(keys[0]).is_ok(), "{}", keys[0]);
    assert!(seen.iter().all(|headers| header(headers, "authorization") == Some("Bearer pk_a:sk_b")));
}

#[tokio::test]
async fn each_call_has_a_key_of_its_own_and_a_read_has_none() {
    let (calls, seen) = gateway([Answer, Answer, Answer]);
    let mut refunds = RefundServiceClient::new(calls);
    refunds.create_refund(refund()).await.unwrap();
    refunds.create_refund(refund()).await.unwrap();
    refunds.get_refund(GetRefundRequest::default()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_ne!(seen[0][IDEMPOTENCY_KEY], seen[1][IDEMPOTENCY_KEY]);
    assert_eq!(header(&seen[2], IDEMPOTENCY_KEY), None);
}

#[tokio::test]
async fn the_callers_key_and_timeout_are_kept() {
    let (calls, seen) = gateway([Answer]);
    let mut call = Call::new(refund());
    call.metadata_mut().insert(IDEMPOTENCY_KEY, "mine".parse().unwrap());
    call.set_timeout(Duration::from_secs(100));
    RefundServiceClient::new(calls).create_refund(call).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(header(&seen[0], IDEMPOTENCY_KEY), Some("mine"));
    let timeout = header(&seen[0], TIMEOUT).unwrap().strip_suffix('m').unwrap().parse::<u64>().unwrap();
    assert!((90_000..=100_000).contains(&timeout), "{timeout}");
}

#[tokio::test]
async fn a_call_without_an_answer_ends_with_its_timeout() {
    let (calls, _) = gateway([Hang]);
    let status = RefundServiceClient::new(calls).create_refund(refund()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_pause_that_would_outlast_the_timeout_is_not_begun() {
    let advice = ErrorDetails::with_retry_info(Some(SOON * 2));
    let (calls, seen) = gateway([Refuse(Status::with_error_details(Code::ResourceExhausted, "later", advice))]);
    let status = RefundServiceClient::new(calls).create_refund(refund()).await.unwrap_err();
    let error = GatewayError::from(status);
    assert_eq!((error.code(), error.retry_after()), (Code::ResourceExhausted, Some(SOON * 2)));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_was_sent_only_when_the_gateway_said_so_to_each_attempt() {
    let by = |domain: &str, facts: &[(&str, &str)]| {
        let facts: HashMap<_, _> =
            facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let details = ErrorDetails::with_error_info("SHUTTING_DOWN", domain, facts);
        Refuse(Status::with_error_details(Code::Unavailable, "", details))
    };
    let ours = || by("corefy-gateway", &[]);
    let end = || Refuse(Status::internal("ends the call"));
    let foreign = || Refuse(Status::unavailable("no healthy upstream"));
    let cases: [(Deed, &dyn Fn() -> Deed, bool); 7] = [
        (ours(), &ours, true),
        (foreign(), &ours, false),
        (Break, &ours, false),
        (ours(), &foreign, false),
        (by("proxy.example", &[]), &|| by("proxy.example", &[]), false),
        (by("corefy-gateway", &[("previous_attempts", "1")]), &ours, false),
        (ours(), &end, false),
    ];
    for (number, (first, later, expected)) in cases.into_iter().enumerate() {
        let (calls, seen) = gateway(iter::once(first).chain(iter::repeat_with(later).take(7)));
        let status = RefundServiceClient::new(calls).create_refund(refund()).await.unwrap_err();
        let attempts = seen.lock().unwrap().len();
        assert!(attempts >= 2, "{number}: {attempts} attempts");
        assert_eq!(GatewayError::from(status).nothing_was_sent(), expected, "{number}");
    }
}

#[tokio::test]
async fn only_what_is_safe_to_repeat_is_repeated() {
    let advice = || ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
    let cases = [
        (Status::internal(""), 1),
        (Status::aborted("no advice"), 1),
        (Status::with_error_details(Code::FailedPrecondition, "", advice()), 1),
        (Status::with_error_details(Code::Aborted, "", advice()), 2),
    ];
    for (status, expected) in cases {
        let (calls, seen) = gateway([Refuse(status.clone()), Answer]);
        let _ = RefundServiceClient::new(calls).create_refund(refund()).await;
        assert_eq!(seen.lock().unwrap().len(), expected, "{status:?}");
    }
}

#[tokio::test]
async fn a_stream_has_no_timeout() {
    let (calls, seen) = gateway([Break, Answer]);
    EventServiceClient::new(calls).stream_events(StreamEventsRequest::default()).await.unwrap();
    assert!(seen.lock().unwrap().iter().all(|headers| header(headers, TIMEOUT).is_none()));
}

#[tokio::test]
async fn a_gateway_does_not_print_its_key() {
    let gateway = connect("http://127.0.0.1:50051", "pk_a:sk_secret").unwrap();
    let printed =
        format!("{gateway:?} {:?} {:?}", gateway.payment_intents(), gateway.follow_events(Default::default()));
    assert!(printed.contains("Gateway") && !printed.contains("sk_secret") && !printed.contains("pk_a"), "{printed}");
}

#[tokio::test]
async fn a_target_has_tls_unless_it_says_http() {
    let code = |outcome: Result<_, GatewayError>| outcome.err().map(|error| error.code());
    assert_eq!(code(connect("gateway.example:50051", "pk_a:sk_b")), None);
    assert_eq!(code(connect("http://127.0.0.1:50051", "pk_a:sk_b")), None);
    assert_eq!(code(connect("ftp://gateway.example:1", "pk_a:sk_b")), Some(Code::InvalidArgument));
    assert_eq!(code(connect("not a target", "pk_a:sk_b")), Some(Code::InvalidArgument));
    assert_eq!(code(connect("gateway.example:50051", "pk_a\nsk_b")), Some(Code::InvalidArgument));
    let tls = Options { tls: Some(Default::default()), ..Default::default() };
    assert_eq!(code(connect_with("http://127.0.0.1:50051", "pk_a:sk_b", tls)), Some(Code::InvalidArgument));
}
