//! grpc-web, as a browser speaks it: over HTTP/1.1, with the trailers in the body.

use corefy_gateway::pb;
use prost::Message as _;
use reqwest::{Method, Response, StatusCode};
use tonic::Status;

use crate::support::{app::TestApp, client::new_intent, database::TestDatabase, refusal::refused};

crate::on_both!(
    a_call_of_a_page_is_answered_with_trailers_in_the_body,
    a_refusal_arrives_at_a_page_with_its_details,
    only_pages_of_the_named_origins_are_let_in,
    without_named_origins_browsers_are_told_nothing,
    what_is_no_grpc_is_refused_over_http_1,
    a_page_may_send_all_metadata_that_is_read_and_its_trace,
    pages_below_a_host_are_let_in_by_one_entry,
);

const CREATE: &str = "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent";
const SHOP: &str = "https://shop.example";
/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;
const ALLOW_ORIGIN: &str = "access-control-allow-origin";

async fn post(app: &TestApp, content_type: &str, key: &str, message: &impl prost::Message) -> Response {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    browser()
        .post(format!("http://{}{CREATE}", app.server.grpc_addr))
        .header("content-type", content_type)
        .header("origin", SHOP)
        .header("authorization", format!("Bearer {key}"))
        .body([&[0], &length[..], &message].concat())
        .send()
        .await
        .unwrap()
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().http1_only().build().unwrap()
}

/// The frames of a body, each with its flag.
fn frames(mut body: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = body {
        let (frame, rest) = rest.split_at(usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap());
        frames.push((*flag, frame));
        body = rest;
    }
    assert!(body.is_empty(), "half a frame");
    frames
}

async fn a_call_of_a_page_is_answered_with_trailers_in_the_body(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let answer = post(&app, "application/grpc-web+proto", app.key(), &new_intent("10.00")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/grpc-web+proto");
    let body = answer.bytes().await.unwrap();
    let [(0, message), (TRAILERS, trailers)] = frames(&body)[..] else { panic!("{body:?}") };
    let intent = pb::CreatePaymentIntentResponse::decode(message).unwrap().payment_intent.unwrap();
    assert_eq!(app.client().await.get(&intent.id).await, intent);
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"), "{trailers:?}");
}

async fn a_refusal_arrives_at_a_page_with_its_details(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (key, amount, reason) in [("nonsense", "10.00", "CREDENTIALS_INVALID"), (app.key(), "none", "FIELDS_INVALID")] {
        let answer = post(&app, "application/grpc-web+proto", key, &new_intent(amount)).await;
        assert_eq!(answer.headers()["content-type"], "application/grpc-web+proto");
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(refused::<()>(Err(status)).reason, reason);
    }
}

/// The answer to the preflight of a page of `origin`.
async fn preflight(app: &TestApp, origin: &str) -> Response {
    let request = browser().request(Method::OPTIONS, format!("http://{}{CREATE}", app.server.grpc_addr));
    let request = request.header("origin", origin).header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "authorization,x-grpc-web").send().await.unwrap()
}

async fn only_pages_of_the_named_origins_are_let_in(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.web_origins = vec![SHOP.to_owned()]).await;
    let told = preflight(&app, SHOP).await;
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(told.headers()[ALLOW_ORIGIN], SHOP);
    let headers = told.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(headers.contains("authorization") && headers.contains("idempotency-key"), "{headers}");
    assert!(!preflight(&app, "https://evil.example").await.headers().contains_key(ALLOW_ORIGIN));

    let answer = post(&app, "application/grpc-web+proto", app.key(), &new_intent("10.00")).await;
    assert_eq!(answer.headers()[ALLOW_ORIGIN], SHOP);
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");
}

async fn without_named_origins_browsers_are_told_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert!(!preflight(&app, SHOP).await.headers().contains_key(ALLOW_ORIGIN));
    let answer = post(&app, "application/grpc-web+proto", app.key(), &new_intent("10.00")).await;
    assert!(!answer.headers().contains_key(ALLOW_ORIGIN));
}

async fn what_is_no_grpc_is_refused_over_http_1(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let answer = post(&app, "application/json", app.key(), &new_intent("10.00")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(answer.text().await.unwrap().starts_with("This port speaks gRPC, over HTTP/2"));
    for path in ["/", "/healthz", CREATE] {
        let answer = browser().get(format!("http://{}{path}", app.server.grpc_addr)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        assert!(answer.text().await.unwrap().contains("GATEWAY_HTTP_ADDR"), "{path}");
    }
}

async fn a_page_may_send_all_metadata_that_is_read_and_its_trace(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.web_origins = vec![SHOP.to_owned()]).await;
    let told = preflight(&app, SHOP).await;
    let allowed = told.headers()["access-control-allow-headers"].to_str().unwrap();
    let allowed: Vec<_> = allowed.split(',').map(str::trim).collect();
    for header in [
        "authorization",
        "x-api-key",
        "x-request-id",
        "idempotency-key",
        "grpc-timeout",
        "traceparent",
        "tracestate",
        "tracestate",
        "content-type",
        "x-grpc-web",
        "x-user-agent",
    ] {
        assert!(allowed.contains(&header), "{header}: {allowed:?}");
    }
}

async fn pages_below_a_host_are_let_in_by_one_entry(database: TestDatabase) {
    let below = "https://*.shop.example".to_owned();
    let app = TestApp::start_with(database, None, |config| config.web_origins = vec![below]).await;
    let told = preflight(&app, "https://a.shop.example").await;
    assert_eq!(told.headers()[ALLOW_ORIGIN], "https://a.shop.example");
    for origin in [SHOP, "https://shop.example.evil.example", "http://a.shop.example"] {
        assert!(!preflight(&app, origin).await.headers().contains_key(ALLOW_ORIGIN), "{origin}");
    }
}
