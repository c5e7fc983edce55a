//! A page of a browser may send any bytes in any of the protocols' forms: it gets an answer that it can read.

use std::cell::RefCell;

use tonic::codegen::http::HeaderValue;

use super::{
    choices::Choices,
    gateway::{Gateway, ORIGIN},
    requests::frame,
};

/// Paths, of them one of no method and one of no service.
const PATHS: [&str; 6] = [
    "/corefy.gateway.v1.GatewayService/GetGatewayInfo",
    "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent",
    "/corefy.gateway.v1.EventService/StreamEvents",
    "/corefy.gateway.v1.GatewayService/Nothing",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/",
];
const CONTENT_TYPES: [&str; 7] = [
    "application/grpc-web+proto",
    "application/grpc-web",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
    "application/grpc",
    "application/json",
    "",
];
/// The HTTP statuses of answers: to gRPC, to bodies that are too large or of another type, and to requests that are none of it.
const STATUSES: [u16; 5] = [200, 400, 405, 413, 415];

thread_local! {
    static GATEWAY: RefCell<Option<(Gateway, ())>> = const { RefCell::new(None) };
}

/// Takes bytes for the path, the content type, the origin and the form of the body; the rest is the body.
pub fn a_page_gets_an_answer_that_it_can_read(bytes: &[u8]) {
    super::gateway::with(
        &GATEWAY,
        |_| (),
        |gateway, ()| {
            let mut choices = Choices::new(bytes);
            let (path, content_type) = (*choices.one(&PATHS), *choices.one(&CONTENT_TYPES));
            let is_ours = choices.byte().is_multiple_of(2);
            let origin = if is_ours { ORIGIN.to_owned() } else { choices.text() };
            let is_framed = choices.byte().is_multiple_of(2);
            let mut headers = vec![(
                "authorization",
                HeaderValue::from_str(&format!("Bearer {}", gateway.key)).expect("it is ASCII"),
            )];
            headers.extend(HeaderValue::from_str(content_type).ok().map(|value| ("content-type", value)));
            headers.extend(HeaderValue::from_bytes(origin.as_bytes()).ok().map(|value| ("origin", value)));
            let body = choices.rest();
            let body = if is_framed { frame(body) } else { body.to_vec() };
            let answered = gateway.call_of_page(path, &headers, body);
            assert!(STATUSES.contains(&answered.http_status), "{}: {path} {content_type}", answered.http_status);
            let allowed = answered.headers.get("access-control-allow-origin");
            assert!(
                allowed.is_none_or(|allowed| allowed == ORIGIN && origin == ORIGIN),
                "{origin} may read the answer"
            );
            if let Some(status) = answered.status {
                assert!(status.code() != tonic::Code::Internal || content_type == "application/grpc-web", "{status:?}");
            }
        },
    );
}
