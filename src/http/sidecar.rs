//! The state that the handlers of the HTTP port share.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{gateway::Diagnostics, webhooks::Webhooks},
    domain::proxies::{CallSource, FORWARDED_FOR},
    port::Peer,
};

/// The state that the handlers share.
#[derive(Clone)]
pub(super) struct Sidecar {
    pub webhooks: Arc<Webhooks>,
    pub diagnostics: Arc<Diagnostics>,
    /// The networks that webhooks may come from; empty: any.
    pub allowed: Vec<IpNet>,
    /// Whether there is a secret to verify webhooks with.
    pub takes_webhooks: bool,
    /// Cancelled when the gateway begins to shut down.
    pub drain: CancellationToken,
}

impl Sidecar {
    /// Where a request comes from.
    pub fn source(&self, peer: &Peer, headers: &HeaderMap) -> CallSource {
        let forwarded = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        self.webhooks.proxies().source(peer.address.ip(), peer.sender, forwarded)
    }
}
