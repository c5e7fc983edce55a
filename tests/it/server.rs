//! The server as a whole: health, reflection, readiness, deadlines, limits, and how it stops.

use std::time::{Duration, Instant};

use corefy_gateway::{
    pb::{self, payment_intent_service_client::PaymentIntentServiceClient},
    sandbox::faults::Fault,
    server::{Harness, Server},
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status, codec::CompressionEncoding, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::{
    app::{TestApp, until},
    client::{new_intent, reason},
    contract::{call_over_http2, call_raw, descriptors},
    database::{Backend, TestDatabase},
    refusal::{CallRefusal, refused},
};

crate::on_both!(
    every_service_serves_once_the_database_answers,
    every_service_is_down_once_the_server_drains,
    every_service_is_listed_by_both_versions_of_reflection,
    liveness_does_not_depend_on_the_database_but_readiness_does,
    a_server_that_drains_is_not_ready,
    a_call_under_way_is_finished_while_new_ones_are_turned_away,
    a_call_that_does_not_end_is_waited_for_no_longer_than_the_drain_may_take,
    every_answer_has_the_id_of_its_request,
    what_goes_on_after_the_caller_s_deadline_can_be_read_later,
    what_was_answered_is_there_after_a_crash,
    a_message_over_the_limit_is_refused_for_good,
    what_is_no_message_of_the_call_is_refused_for_good,
    compressed_requests_are_read,
    what_is_not_in_the_protos_is_unimplemented,
    a_port_that_is_taken_is_named_by_its_setting,
    every_file_of_reference_data_that_cannot_be_used_is_named_at_the_start,
);

/// Ten seconds, which is why it runs on one database only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_loses_its_place() {
    let app = TestApp::start(TestDatabase::new(Backend::Sqlite).await.unwrap()).await;
    let silent_at = async |address| {
        let mut silent = TcpStream::connect(address).await.unwrap();
        let ended = timeout(Duration::from_secs(30), silent.read(&mut [0])).await;
        assert_eq!(ended.expect("closed in time").unwrap_or(0), 0, "{address}");
    };
    tokio::join!(silent_at(app.server.grpc_addr), silent_at(app.server.http_addr));
}

const CREATE: (&str, &str) = ("POST", "/v1/payment-intents");
const REQUEST_ID: &str = "x-request-id";

async fn every_service_serves_once_the_database_answers(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let pool = descriptors();
    let services = pool.services().filter(|service| service.package_name() == "corefy.gateway.v1");
    let names: Vec<_> = services.map(|service| service.full_name().to_owned()).chain([String::new()]).collect();
    assert_eq!(names.len(), 9);
    for name in names {
        let mut statuses = watch(&channel, &name).await;
        while statuses.next().await.unwrap().unwrap().status() != ServingStatus::Serving {}
        assert_eq!(check(&channel, &name).await.unwrap(), ServingStatus::Serving, "{name}");
    }
    let unknown = check(&channel, "corefy.gateway.v1.NoService").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

async fn every_service_is_down_once_the_server_drains(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let mut watches = Vec::new();
    for name in ["", "corefy.gateway.v1.RefundService"] {
        let mut statuses = watch(&channel, name).await;
        while statuses.next().await.unwrap().unwrap().status() != ServingStatus::Serving {}
        watches.push(statuses);
    }
    app.server.stop().await;
    for mut statuses in watches {
        assert_eq!(statuses.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    }
}

async fn every_service_is_listed_by_both_versions_of_reflection(database: TestDatabase) {
    macro_rules! listed {
        ($version:ident, $channel:expr) => {{
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
            };
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut client = ServerReflectionClient::new($channel);
            let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
            let answer = answers.next().await.unwrap().unwrap();
            let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
                panic!("{answer:?}")
            };
            list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
        }};
    }
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let own = ["PaymentIntent", "Refund", "Customer", "PaymentMethod", "Event", "Gateway"];
    for names in [listed!(v1, channel.clone()), listed!(v1alpha, channel)] {
        for service in own {
            assert!(names.contains(&format!("corefy.gateway.v1.{service}Service")), "{service}: {names:?}");
        }
        assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
    }
}

async fn liveness_does_not_depend_on_the_database_but_readiness_does(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert_eq!(get(&app, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&app, "/readyz").await, (200, "ready\n".to_owned()));
    app.server.app.drain().await; // closes the database
    assert_eq!(get(&app, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&app, "/readyz").await, (503, "the database does not answer\n".to_owned()));
}

async fn a_server_that_drains_is_not_ready(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let address = app.server.http_addr;
    let mut probe = TcpStream::connect(address).await.unwrap();
    probe.write_all(b"GET /readyz HTTP/1.1\r\nhost: gateway\r\n").await.unwrap();
    // By the time that later calls are answered, half of the request has been read.
    for _ in 0..3 {
        assert_eq!(get(&app, "/healthz").await.0, 200);
    }
    let stopping = tokio::spawn(app.server.stop());
    until("the sidecar takes no more connections", async || TcpStream::connect(address).await.is_err()).await;
    probe.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("shutting down\n"), "{answer}");
    stopping.await.unwrap();
}

async fn a_call_under_way_is_finished_while_new_ones_are_turned_away(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (grpc, http) = (app.server.grpc_addr, app.server.http_addr);
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 500);
    let client = app.client().await;
    let call = tokio::spawn(async move { client.create_payment_intent(new_intent("10.00")).await });
    let sandbox = app.sandbox.clone();
    until("the call reaches Corefy", async || sandbox.request_count(CREATE.0, CREATE.1) > 0).await;

    let stopping = tokio::spawn(app.server.stop());
    until("new calls are turned away", async || TcpStream::connect(grpc).await.is_err()).await;
    until("the sidecar is closed too", async || TcpStream::connect(http).await.is_err()).await;
    let intent = call.await.unwrap().unwrap().into_inner().payment_intent.unwrap();
    assert_eq!(intent.state(), pb::PaymentIntentState::RequiresConfirmation);
    stopping.await.unwrap();
}

async fn a_call_that_does_not_end_is_waited_for_no_longer_than_the_drain_may_take(database: TestDatabase) {
    let slow = Duration::from_secs(60);
    let app = TestApp::start_with(database, None, |config| {
        config.drain = Duration::from_millis(100);
        config.upstream.timeout = slow;
    })
    .await;
    app.sandbox.faults().fail_next(1, CREATE.0, CREATE.1, Fault::Hang);
    let client = app.client().await;
    let call = tokio::spawn(async move { client.create_payment_intent(new_intent("10.00")).await });
    let sandbox = app.sandbox.clone();
    until("the call reaches Corefy", async || sandbox.request_count(CREATE.0, CREATE.1) > 0).await;

    let began = Instant::now();
    app.server.stop().await;
    assert!(began.elapsed() < slow / 4, "the drain took {:?}", began.elapsed());
    // It goes on, unheard, until the process ends.
    call.abort();
}

async fn every_answer_has_the_id_of_its_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut service = PaymentIntentServiceClient::new(client.channel.clone());
    let with_id = |id: &'static str, amount: &str| {
        let mut request = client.signed(new_intent(amount));
        request.metadata_mut().insert(REQUEST_ID, id.parse().unwrap());
        request
    };

    let answer = service.create_payment_intent(with_id("order-7", "10.00")).await.unwrap();
    assert_eq!(answer.metadata().get(REQUEST_ID).unwrap(), "order-7");
    let status = service.create_payment_intent(with_id("order-8", "none")).await.unwrap_err();
    assert_eq!(status.metadata().get(REQUEST_ID).unwrap(), "order-8");
    assert_eq!(refused::<()>(Err(status)).request_id, "order-8");

    let made = |metadata: &tonic::metadata::MetadataMap| metadata.get(REQUEST_ID).unwrap().to_str().unwrap().to_owned();
    let first = made(client.create_payment_intent(new_intent("10.00")).await.unwrap().metadata());
    let too_long: &'static str = "i".repeat(129).leak();
    let second = made(service.create_payment_intent(with_id(too_long, "10.00")).await.unwrap().metadata());
    let status = client.create_payment_intent(new_intent("none")).await.unwrap_err();
    let third = made(status.metadata());
    assert_eq!(refused::<()>(Err(status)).request_id, third);
    assert!(first != second && second != third && [first, second, third].iter().all(|id| id.len() == 36));
}

async fn what_goes_on_after_the_caller_s_deadline_can_be_read_later(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.timeout = Duration::from_secs(30)).await;
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 1_000);
    let path = "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent";
    let message = new_intent("10.00").encode_to_vec();
    let refusal = refused::<()>(Err(call_over_http2(&app.server, app.key(), path, "300m", &message).await));
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));

    let client = app.client().await;
    let list = async || {
        let listed = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap();
        listed.into_inner().payment_intents.remove(0)
    };
    assert_eq!(list().await.state(), pb::PaymentIntentState::Processing);
    until("the creation is finished", async || !list().await.upstream_id.is_empty()).await;
    let intent = client.get(&list().await.id).await;
    assert_eq!(intent.state(), pb::PaymentIntentState::RequiresConfirmation);
    assert_eq!(app.sandbox.request_count(CREATE.0, CREATE.1), 1);
}

async fn what_was_answered_is_there_after_a_crash(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let events = client.event_types(&paid.id).await;
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    assert!(client.get(&paid.id).await == paid);
    assert_eq!(client.event_types(&paid.id).await, events);
}

async fn a_message_over_the_limit_is_refused_for_good(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let huge = pb::CreatePaymentIntentRequest { description: "d".repeat(1024 * 1024), ..new_intent("10.00") };
    let refusal = refused(client.create_payment_intent(huge).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"));
    assert!(refusal.message.contains("1048576 bytes") && refusal.retry_after.is_none(), "{refusal:?}");
    assert_eq!(app.sandbox.request_count(CREATE.0, CREATE.1), 0);
}

async fn what_is_no_message_of_the_call_is_refused_for_good(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let path = "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent";
    for bytes in [&[0xff; 8][..], b"\x0a\x7fshort", b"\x0a\x02\xc3\x28"] {
        let refusal = refused::<()>(Err(call_over_http2(&app.server, app.key(), path, "60S", bytes).await));
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"), "{bytes:?}");
        assert!(refusal.retry_after.is_none());
        assert!(refusal.message.starts_with("the request cannot be decoded"), "{refusal:?}");
    }
}

async fn compressed_requests_are_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let gzip = CompressionEncoding::Gzip;
    let mut service =
        PaymentIntentServiceClient::new(client.channel.clone()).send_compressed(gzip).accept_compressed(gzip);
    let answer = service.create_payment_intent(client.signed(new_intent("10.00"))).await.unwrap();
    assert_eq!(answer.into_inner().payment_intent.unwrap().amount, "10.00");
    // The limit holds for what comes out, so that a small message cannot become a large one.
    let bomb = pb::CreatePaymentIntentRequest { description: "d".repeat(8 * 1024 * 1024), ..new_intent("10.00") };
    let status = service.create_payment_intent(client.signed(bomb)).await.unwrap_err();
    assert_eq!(reason(&status), "FIELDS_INVALID");
    assert_eq!(status.message(), "the request must have at most 1048576 bytes, decompressed");
}

async fn what_is_not_in_the_protos_is_unimplemented(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for path in ["/corefy.gateway.v1.PaymentIntentService/CapturePaymentIntent", "/corefy.gateway.v1.Payouts/Create"] {
        let status = call_raw(&client.channel, path, client.signed(())).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
        let refusal = CallRefusal::from(status);
        let method = path.trim_start_matches('/');
        assert_eq!((refusal.reason.as_str(), refusal.facts["method"].as_str()), ("METHOD_UNKNOWN", method));
        assert!(refusal.message.starts_with(&format!("there is no method {method}; ")), "{refusal:?}");
    }
}

async fn a_port_that_is_taken_is_named_by_its_setting(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (grpc, http) = (app.server.grpc_addr, app.server.http_addr);
    for (variable, taken) in [("GATEWAY_GRPC_ADDR", grpc), ("GATEWAY_HTTP_ADDR", http)] {
        let mut config = app.config().clone();
        let address = if taken == grpc { &mut config.grpc_addr } else { &mut config.http_addr };
        *address = taken;
        let error = Server::start(config, Harness::default()).await.err().unwrap().to_string();
        assert!(error.starts_with(&format!("{variable}: cannot listen on {taken}: ")), "{error}");
    }
}

async fn every_file_of_reference_data_that_cannot_be_used_is_named_at_the_start(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut config = app.config().clone();
    // The app has the lock of its own.
    let directory = tempfile::tempdir().unwrap();
    config.database.url = format!("sqlite://{}", directory.path().join("gateway.db").display()).into();
    config.risk.bin_table = Some("none.csv".into());
    config.risk.ip_databases = vec!["none.mmdb".into()];
    let error = Server::start(config, Harness::default()).await.err().unwrap().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(lines[0].starts_with("GATEWAY_RISK_BIN_TABLE: none.csv: No such file"), "{error}");
    assert!(lines[1].starts_with("GATEWAY_RISK_IP_DATABASE: none.mmdb: No such file"), "{error}");
}

async fn check(channel: &Channel, service: &str) -> Result<ServingStatus, Status> {
    let request = HealthCheckRequest { service: service.to_owned() };
    Ok(HealthClient::new(channel.clone()).check(request).await?.into_inner().status())
}

async fn watch(channel: &Channel, service: &str) -> tonic::Streaming<tonic_health::pb::HealthCheckResponse> {
    let request = Request::new(HealthCheckRequest { service: service.to_owned() });
    HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner()
}

async fn get(app: &TestApp, path: &str) -> (u16, String) {
    let answer = reqwest::get(app.http(path)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
