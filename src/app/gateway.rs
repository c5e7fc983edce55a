//! The gateway itself: the connection test, and what it can do.

use std::sync::Arc;

use super::{events::EventLog, paging::PageTokens};
use crate::{
    domain::{acceptance::Acceptance, capability::Capability, clock::Clock, money::Money, retention::Retention},
    store::Store,
    telemetry::Telemetry,
    upstream::{ConnectionTest, Upstream},
};

/// A gateway, and what works there.
#[derive(Debug)]
pub struct GatewayInfo {
    /// Its version.
    pub version: &'static str,
    /// The name of the dialect that Corefy is spoken to in.
    pub dialect: &'static str,
    /// Whether Corefy takes the traffic as a test.
    pub is_sandbox: bool,
    /// The things that it can do.
    pub capabilities: Vec<Capability>,
    /// The largest amount in each currency that payments may be made in.
    pub largest_amounts: Vec<Money>,
}

/// How the gateway itself does: what it can, whether it is ready, what it has to show of a payment.
pub struct Diagnostics {
    pub(super) store: Store,
    pub(super) upstream: Arc<dyn Upstream>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) clock: Clock,
    pub(super) page_tokens: PageTokens,
    pub(super) acceptance: Acceptance,
    pub(super) is_sandbox: bool,
    pub(super) retention: Retention,
    pub(super) events: Arc<EventLog>,
    pub(super) telemetry: Telemetry,
}

impl Diagnostics {
    /// Whether calls can be served; if not, why, in a few words.
    pub async fn readiness(&self) -> Result<(), &'static str> {
        self.store.readiness().await
    }

    /// Says what this gateway is.
    pub fn get_gateway_info(&self) -> GatewayInfo {
        GatewayInfo {
            version: env!("CARGO_PKG_VERSION"),
            dialect: self.upstream.dialect(),
            is_sandbox: self.is_sandbox,
            capabilities: self.capabilities.clone(),
            largest_amounts: self.acceptance.largest_amounts(),
        }
    }

    /// Calls Corefy once. That it cannot be reached is an answer.
    pub async fn test_connection(&self) -> ConnectionTest {
        self.upstream.test_connection().await
    }
}
