//! The gateway itself: the connection test, and what it can do.

use super::App;
use crate::{
    domain::{capability::Capability, money::Money},
    error::Error,
    upstream::{self, ConnectionTest},
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
    /// The things that the dialect can do.
    pub capabilities: &'static [Capability],
    /// The largest amount in each currency that payments may be made in.
    pub largest_amounts: Vec<Money>,
}

impl App {
    /// Says what this gateway is.
    pub fn get_gateway_info(&self) -> GatewayInfo {
        GatewayInfo {
            version: env!("CARGO_PKG_VERSION"),
            dialect: self.upstream.dialect(),
            is_sandbox: self.is_sandbox,
            capabilities: self.upstream.capabilities(),
            largest_amounts: self.acceptance.largest_amounts(),
        }
    }

    /// Calls Corefy once. That it cannot be reached is an answer.
    pub async fn test_connection(&self) -> ConnectionTest {
        self.upstream.test_connection().await
    }

    /// Fails with the first of `needed` that Corefy's API in use lacks.
    pub(super) fn require_of_corefy(&self, needed: impl IntoIterator<Item = Capability>) -> Result<(), Error> {
        let has = |capability: &Capability| self.upstream.capabilities().contains(capability);
        let missing = needed.into_iter().find(|capability| !has(capability));
        missing.map_or(Ok(()), |capability| Err(upstream::Error::Unsupported(capability).into()))
    }
}
