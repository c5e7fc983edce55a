//! Webhooks: which there were, and when the gateway gets them.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use url::Url;

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::sandbox::{answer::SandboxRefusal, handle::Sandbox, webhook_log::WebhookRecord};

/// How long is waited for webhooks, unless the call says otherwise.
const DEFAULT_WAIT_MS: u64 = 10_000;
/// The longest wait that can be asked for.
const MAX_WAIT_MS: u64 = 60_000;

type WebhookDone = Result<StatusCode, ControlRefusal>;

pub(super) async fn list(State(sandbox): State<Sandbox>) -> Json<Vec<WebhookRecord>> {
    Json(sandbox.webhooks())
}

pub(super) async fn hold(State(sandbox): State<Sandbox>, body: Bytes) -> WebhookDone {
    ControlFields::none(&body)?;
    sandbox.hold_webhooks(true);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn release(State(sandbox): State<Sandbox>, body: Bytes) -> WebhookDone {
    ControlFields::none(&body)?;
    sandbox.hold_webhooks(false);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resend(State(sandbox): State<Sandbox>, Path(id): Path<String>, body: Bytes) -> WebhookDone {
    ControlFields::none(&body)?;
    sandbox.resend_webhook(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers when every webhook was delivered or given up.
pub(super) async fn wait(State(sandbox): State<Sandbox>, body: Bytes) -> WebhookDone {
    let mut fields = ControlFields::read(&body)?;
    let must = format!("must be a number of milliseconds, at most {MAX_WAIT_MS}");
    let timeout: Option<u64> = fields.optional("timeout_ms", &must);
    if timeout.is_some_and(|timeout| timeout > MAX_WAIT_MS) {
        fields.problem("timeout_ms", &must);
    }
    fields.finish()?;
    let patience = Duration::from_millis(timeout.unwrap_or(DEFAULT_WAIT_MS));
    match tokio::time::timeout(patience, sandbox.webhooks_idle()).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err(SandboxRefusal::new(409, "not_idle", "webhooks are still being delivered").into()),
    }
}

/// Changes where webhooks go; `null`, or no `url`, is nowhere.
pub(super) async fn set_url(State(sandbox): State<Sandbox>, body: Bytes) -> WebhookDone {
    let mut fields = ControlFields::read(&body)?;
    let must = "must be an http or https URL";
    let text: Option<String> = fields.optional("url", must);
    let url = text.and_then(|text| {
        let url = Url::parse(&text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        if url.is_none() {
            fields.problem("url", must);
        }
        url
    });
    fields.finish()?;
    sandbox.set_webhook_url(url);
    Ok(StatusCode::NO_CONTENT)
}
