//! Spans, as a collector of traces gets them by OTLP.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use corefy_gateway::{
    config::{Config, TraceConfig},
    pb::payment_intent_service_client::PaymentIntentServiceClient,
    sandbox::faults::Fault,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, transport::Server};
use url::Url;

use crate::support::{
    app::{CLOSED_PORT, TestApp},
    client::{APPROVED, Client, confirmation},
    database::{Backend, TestDatabase},
    money::CONFIRM,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const STATE: &str = "congo=t61rcWkgMzE,rojo=1";
const CONFIRMATION: &str = "corefy.gateway.v1.PaymentIntentService/ConfirmPaymentIntent";

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector that keeps what it gets.
struct Collector {
    received: Received,
    endpoint: Url,
    _server: AbortOnDropHandle<()>,
}

struct Ears(Received);

#[tonic::async_trait]
impl TraceService for Ears {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let received = Received::default();
        let service = TraceServiceServer::new(Ears(received.clone()));
        let serving = async move {
            Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        };
        Self { received, endpoint, _server: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    /// The settings that make a gateway send spans here.
    fn wanted(&self) -> impl FnOnce(&mut Config) {
        wanted(self.endpoint.clone())
    }

    /// All spans, in the order in which they ended.
    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).cloned().collect()
    }

    fn span(&self, kind: SpanKind, name: &str) -> Span {
        let spans = self.spans();
        let found = spans.iter().find(|span| span.kind() == kind && span.name == name).cloned();
        found.unwrap_or_else(|| panic!("no {kind:?} {name:?} in {spans:#?}"))
    }
}

fn wanted(endpoint: Url) -> impl FnOnce(&mut Config) {
    |config| config.traces = Some(TraceConfig { endpoint, service_name: "gateway-7".to_owned() })
}

async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    TestApp::start_with(database, None, change).await
}

/// Confirms the intent as part of a trace of the caller's.
async fn confirm(client: &Client, intent: &str) {
    let mut request = client.signed(confirmation(intent, APPROVED));
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{CALLER}-01").parse().unwrap());
    request.metadata_mut().insert("tracestate", STATE.parse().unwrap());
    request.metadata_mut().insert("x-request-id", "order-7".parse().unwrap());
    PaymentIntentServiceClient::new(client.channel.clone()).confirm_payment_intent(request).await.unwrap();
}

/// The text or number of an attribute.
fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    match value {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}

fn assert_attributes(span: &Span, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(*value), "{key} of {span:#?}");
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_and_its_call_to_corefy_are_spans_of_the_caller_s_trace() {
    let collector = Collector::start().await;
    let app = start(collector.wanted()).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    confirm(&client, &intent.id).await;
    let sent = app.sandbox.requests().pop().unwrap();
    let passed_on = sent.traceparent.unwrap();
    assert_eq!(sent.tracestate.as_deref(), Some(STATE));
    drop(client);
    app.server.stop().await;

    let served = collector.span(SpanKind::Server, CONFIRMATION);
    assert_eq!((hex(&served.trace_id).as_str(), hex(&served.parent_span_id).as_str()), (TRACE, CALLER));
    let (service, method) = CONFIRMATION.split_once('/').unwrap();
    assert_attributes(
        &served,
        &[
            ("rpc.system", "grpc"),
            ("rpc.service", service),
            ("rpc.method", method),
            ("rpc.grpc.status_code", "0"),
            ("corefy_gateway.request_id", "order-7"),
        ],
    );
    let called = collector.span(SpanKind::Client, "payment_intent.confirm");
    assert_eq!((called.trace_id, called.parent_span_id), (served.trace_id, served.span_id));
    assert_eq!((served.trace_state.as_str(), called.trace_state.as_str()), (STATE, STATE));
    assert_eq!(passed_on, format!("00-{TRACE}-{}-01", hex(&called.span_id)));
    assert!(called.start_time_unix_nano >= served.start_time_unix_nano);
    assert!(called.end_time_unix_nano <= served.end_time_unix_nano);
    assert_attributes(
        &Span { attributes: called.attributes, ..Span::default() },
        &[
            ("http.request.method", "POST"),
            ("url.template", "/v1/payment-intents/{id}/confirm"),
            ("http.response.status_code", "200"),
            ("corefy_gateway.outcome", "ok"),
            ("corefy_gateway.object_id", &intent.id),
            ("corefy_gateway.request_id", "order-7"),
        ],
    );
    let created = collector.span(SpanKind::Server, "corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent");
    assert!(created.parent_span_id.is_empty() && hex(&created.trace_id) != TRACE, "it began a trace of its own");
    let resource = collector.received.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("gateway-7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_tells_of_a_failure_by_its_class_and_of_no_secret() {
    let collector = Collector::start().await;
    let app = start(collector.wanted()).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::QuoteCard);
    client.confirm(&intent.id, APPROVED).await.unwrap_err();
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::Http(503));
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let key = app.key().to_owned();
    drop(client);
    app.server.stop().await;

    let spans = collector.spans();
    let failed = spans.iter().filter(|span| span.kind() == SpanKind::Client && span.name == "payment_intent.confirm");
    let told: Vec<_> = failed
        .map(|span| {
            let status = span.status.clone().unwrap();
            assert_eq!(status.code(), StatusCode::Error);
            (status.message, attribute(&span.attributes, "http.response.status_code").unwrap())
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(class, status)| (class.as_str(), status.as_str())).collect();
    assert_eq!(told, [("rejected", "422"), ("unknown", "503")]);
    let served: Vec<_> = spans.iter().filter(|span| span.name == CONFIRMATION).collect();
    assert!(
        served.iter().all(|span| span.status.as_ref().unwrap().code() == StatusCode::Unset),
        "neither is a fault of the gateway: {served:#?}"
    );
    let text = format!("{:?}", collector.received.lock().unwrap());
    let (public, secret) = key.split_once(':').unwrap();
    for private in [public, secret, APPROVED, "Jane Doe", "payer@example.com", "sandbox-api-key", "sandbox-client-key"]
    {
        assert!(!text.contains(private), "{private} is told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_the_end_go_on_without_the_collector() {
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = start(wanted(nobody)).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    drop(client);
    let started = Instant::now();
    app.server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
