//! The `commerce` dialect: which call carries which operation.

use super::transport::{SetupError, Transport};
use crate::domain::clock::Clock;

mod facts;
mod keys;
mod redact;
mod refusals;
mod settings;
mod unread;

pub use facts::{FACTS, Fact, Ground};
use keys::AuthorizationHeaders;
pub use keys::Credentials;
pub use redact::REDACT;
pub use settings::CommerceSettings;

/// Corefy, spoken to in the `commerce` dialect.
#[derive(Debug)]
pub struct Commerce {
    transport: Transport,
    private: AuthorizationHeaders,
    credentials: Credentials,
    settings: CommerceSettings,
    clock: Clock,
}

impl Commerce {
    /// Fails when the account id cannot stand in a header, or a host cannot be called. The clock tells when a token for a card
    /// ends.
    pub fn new(
        transport: Transport,
        credentials: Credentials,
        settings: CommerceSettings,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        settings.check()?;
        let private = AuthorizationHeaders::private(&credentials)?;
        Ok(Self { transport, private, credentials, settings, clock })
    }
}
