//! Browsers: grpc-web is translated around all calls, refusals included, and the pages that may call are named by CORS.

use std::time::Duration;

use tonic::{
    body::Body,
    codegen::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts},
};
use tonic_web::GrpcWebLayer;
use tower::{
    layer::util::Identity,
    util::{Either, MapResponseLayer, option_layer},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{handler::REPLAYED, metadata, metadata::REQUEST_ID};

/// How long a browser may remember what it is allowed.
const ALLOWED_FOR: Duration = Duration::from_secs(60 * 60);

/// The headers that a page may send beside the metadata that is read: those of the protocol, and what traces send beside
/// `traceparent`.
const PROTOCOL: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
    HeaderName::from_static("tracestate"),
];

/// The headers that a page may read.
const RESPONSE_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static(REPLAYED),
    HeaderName::from_static(REQUEST_ID),
];

/// The layers around all calls, the outermost first.
type WebLayers = (Either<CorsLayer, Identity>, MapResponseLayer<fn(Response<Body>) -> Response<Body>>, GrpcWebLayer);

/// Has pages of these `origins` call by grpc-web, and answers in words whatever speaks no gRPC.
pub(super) fn layers(origins: &[String]) -> WebLayers {
    (option_layer(cors(origins)), MapResponseLayer::new(in_words), GrpcWebLayer::new())
}

/// Lets pages of these origins call, `https://shop.example` or, for all below it, `https://*.shop.example`; `None` when
/// there are none: then nothing is said to browsers, and they let no page call.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<_> = origins.iter().map(|origin| Origins::parse(origin)).collect();
    (!origins.is_empty()).then(|| {
        let is_allowed = move |origin: &HeaderValue, _: &Parts| {
            origin.to_str().is_ok_and(|origin| origins.iter().any(|allowed| allowed.have(origin)))
        };
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(is_allowed))
            .allow_methods([Method::POST])
            .allow_headers(metadata::READ.map(HeaderName::from_static).into_iter().chain(PROTOCOL).collect::<Vec<_>>())
            .expose_headers(RESPONSE_HEADERS)
            .max_age(ALLOWED_FOR)
    })
}

/// The origins that one entry of the setting allows.
#[derive(Clone, Debug)]
enum Origins {
    One(String),
    /// Origins with this beginning and this end, and labels of a host between.
    Below {
        scheme: String,
        host: String,
    },
}

impl Origins {
    fn parse(text: &str) -> Self {
        match text.split_once("://*.") {
            Some((scheme, host)) => Self::Below { scheme: format!("{scheme}://"), host: format!(".{host}") },
            None => Self::One(text.to_owned()),
        }
    }

    fn have(&self, origin: &str) -> bool {
        match self {
            Self::One(one) => one == origin,
            Self::Below { scheme, host } => {
                let labels = origin.strip_prefix(scheme).and_then(|rest| rest.strip_suffix(host));
                let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                labels.is_some_and(|labels| !labels.is_empty() && labels.bytes().all(is_of_name))
            }
        }
    }
}

/// Said to a client that does not speak gRPC.
const WHAT_IS_SPOKEN: &str = "This port speaks gRPC, over HTTP/2, and grpc-web, by POST. Webhooks, health and metrics have a \
    port of their own (GATEWAY_HTTP_ADDR).\n";

/// Says what is spoken here where grpc-web has refused a request that is none, without a word.
fn in_words(response: Response<Body>) -> Response<Body> {
    if !matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Response::from_parts(parts, Body::new(WHAT_IS_SPOKEN.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_below_a_host_is_allowed_and_nothing_beside_it() {
        let below = Origins::parse("https://*.shop.example");
        for origin in ["https://a.shop.example", "https://a.b-c.shop.example"] {
            assert!(below.have(origin), "{origin}");
        }
        for origin in [
            "https://shop.example",
            "https://.shop.example",
            "http://a.shop.example",
            "https://a.shop.example:8443",
            "https://ashop.example",
            "https://evil.example/.shop.example",
            "https://evil.example:1.shop.example",
            "https://a.shop.example.evil.example",
            "null",
        ] {
            assert!(!below.have(origin), "{origin}");
        }
        let one = Origins::parse("https://shop.example");
        assert!(one.have("https://shop.example") && !one.have("https://a.shop.example"));
    }
}
