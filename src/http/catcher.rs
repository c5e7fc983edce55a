//! Catches webhooks as they come, for a test of the connection: nothing is verified and nothing is stored.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::net::TcpListener;

use super::webhooks::PATHS;

/// The longest webhook that is read, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// A webhook as it came in. Has no `Debug`: the body can hold personal data.
pub struct CaughtWebhook {
    /// The query of the address that it was sent to; may be empty.
    pub query: String,
    /// The header with the signature.
    pub signature: Option<String>,
    /// The body, of bounded size.
    pub body: Bytes,
}

/// Hands each webhook that comes in at `listener` to `take`, and answers that it was stored, so that it is not sent again. Ends when
/// dropped.
pub async fn catch_webhooks(
    listener: TcpListener,
    signature_header: &'static str,
    take: impl Fn(CaughtWebhook) + Send + Sync + 'static,
) {
    let take = Arc::new(take);
    let receive = move |RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes| {
        let signature = headers.get(signature_header).and_then(|value| value.to_str().ok()).map(str::to_owned);
        take(CaughtWebhook { query: query.unwrap_or_default(), signature, body });
        async { StatusCode::OK }
    };
    let routes = PATHS.iter().fold(Router::new(), |router, path| router.route(path, post(receive.clone())));
    if let Err(error) = axum::serve(listener, routes.layer(DefaultBodyLimit::max(LONGEST_BODY))).await {
        tracing::error!(%error, "webhooks are not taken any more");
    }
}
