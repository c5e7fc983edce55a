//! Browsers: grpc-web is translated around all calls, refusals included, and the pages that may call are named by CORS.

use std::time::Duration;

use tonic::codegen::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::{
    auth::API_KEY,
    call::{IDEMPOTENCY_KEY, REPLAYED},
    request::REQUEST_ID,
};

/// How long a browser may remember what it is allowed.
const ALLOWED_FOR: Duration = Duration::from_secs(60 * 60);

/// The headers that a page may send.
const REQUEST_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static(API_KEY),
    HeaderName::from_static(REQUEST_ID),
    HeaderName::from_static(IDEMPOTENCY_KEY),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
];

/// The headers that a page may read.
const RESPONSE_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static(REPLAYED),
    HeaderName::from_static(REQUEST_ID),
];

/// Lets pages of these origins call, `https://shop.example`; `None` when there are none: then nothing is said to
/// browsers, and they let no page call.
pub(super) fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<_> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::POST])
            .allow_headers(REQUEST_HEADERS)
            .expose_headers(RESPONSE_HEADERS)
            .max_age(ALLOWED_FOR)
    })
}
