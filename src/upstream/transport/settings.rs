//! How Corefy is called, and why a client that does so could not be set up.

use std::time::Duration;

use url::Url;

use crate::domain::network::Proxy;

/// How Corefy is called.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// `http` or `https`, host, and a path that is put before every other; no query.
    pub base_url: Url,
    /// A proxy on the way, for what [`may_use_proxy`](crate::domain::network::may_use_proxy) allows.
    pub proxy: Option<Proxy>,
    /// For one attempt, whole.
    pub timeout: Duration,
    /// Repetitions of a call that may be repeated.
    pub retries: u32,
    /// Calls that may leave in any minute.
    pub rate_per_minute: u32,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the client for Corefy could not be set up: {0}")]
pub struct SetupError(String);

impl SetupError {
    /// `reason` is shown to the operator: it holds no secrets.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Fails unless the URL, which is named so, is one that can be called.
pub fn require_host(name: &str, url: &Url) -> Result<(), SetupError> {
    let can_be_called = matches!(url.scheme(), "http" | "https") && url.has_host();
    if can_be_called { Ok(()) } else { Err(SetupError::new(format!("the {name} must be http or https with a host"))) }
}
