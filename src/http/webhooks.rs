//! Corefy's webhooks: let in by address, verified over the bytes as they came, stored, and only then answered.

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};

use super::sidecar::Sidecar;
use crate::{app::webhooks::Delivery, domain::network, port::Peer, telemetry::catalogue::WEBHOOKS_REFUSED};

/// The paths of webhooks. The second is the one in the integration guide. Both with and without a slash at the end, for
/// not every sender follows a redirect with a body.
pub const PATHS: [&str; 4] =
    ["/webhooks/corefy", "/api/integrations/corefy/webhook/", "/webhooks/corefy/", "/api/integrations/corefy/webhook"];
/// The headers that are kept for audit. None of them is a secret: a signature proves only the body it came with.
const KEPT_HEADERS: [&str; 4] = ["content-type", "user-agent", "x-forwarded-for", "x-request-id"];
/// Stands for a signature that is no text.
const UNREADABLE: &str = "?";
/// How much of a header is kept, in characters.
const MAX_HEADER: usize = 255;

/// Takes in one webhook. 200: stored, or known already. 401: not Corefy's. 403: from an address that is not allowed.
/// 503: not stored; Corefy sends it again.
pub(super) async fn receive(
    State(sidecar): State<Sidecar>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let source = sidecar.source(&peer, &headers);
    if !network::allows(&sidecar.allowed, source.address) {
        tracing::warn!(%source, "a webhook came from an address that is not allowed");
        sidecar.webhooks.telemetry().count(&WEBHOOKS_REFUSED, ["address"]);
        return (StatusCode::FORBIDDEN, "this address may not send webhooks\n");
    }
    if !sidecar.takes_webhooks {
        return (StatusCode::SERVICE_UNAVAILABLE, "COREFY_WEBHOOK_SECRET is not set\n");
    }
    let kept = kept(&headers, sidecar.webhooks.signature_header());
    let signature = headers.get(sidecar.webhooks.signature_header()).map(|value| value.to_str().unwrap_or(UNREADABLE));
    let delivery = Delivery { body: &body, signature, headers: &kept, source };
    if let Err(wrong) = sidecar.webhooks.verify_webhook(&delivery) {
        // All that is kept of it.
        sidecar.webhooks.telemetry().count(&WEBHOOKS_REFUSED, [wrong.label()]);
        tracing::warn!(%source, %wrong, "a webhook was refused");
        return (StatusCode::UNAUTHORIZED, "the signature is missing or wrong\n");
    }
    peer.standing.prove();
    match sidecar.webhooks.receive_webhook(&delivery).await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(cause = ?error.cause(), "a webhook could not be stored");
            (StatusCode::SERVICE_UNAVAILABLE, "not stored; send it again\n")
        }
    }
}

/// The headers that matter, as a JSON object.
fn kept(headers: &HeaderMap, signature_header: &'static str) -> String {
    let names = KEPT_HEADERS.into_iter().chain([signature_header]);
    let kept: serde_json::Map<String, serde_json::Value> = names
        .filter_map(|name| {
            let text: String = headers.get(name)?.to_str().ok()?.chars().take(MAX_HEADER).collect();
            Some((name.to_owned(), text.into()))
        })
        .collect();
    serde_json::Value::Object(kept).to_string()
}
