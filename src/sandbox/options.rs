//! The settings of a sandbox.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// The settings of a sandbox: the keys of its merchant, its addresses, and its pace.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The merchant's API key.
    pub api_key: SecretString,
    /// The key that signs the merchant's requests.
    pub secret_key: SecretString,
    /// The merchant's client key.
    pub client_key: SecretString,
    /// The key that signs webhooks.
    pub webhook_secret: SecretString,
    /// Where webhooks go; `None` until [`crate::sandbox::Sandbox::set_webhook_url`] when they are not wanted yet.
    pub webhook_url: Option<Url>,
    /// How many webhooks are delivered at the same time; with more than one, they may arrive in another order.
    pub webhooks_at_a_time: usize,
    /// Where a payer's browser reaches the sandbox; `None` means the address it listens on.
    pub public_url: Option<Url>,
    /// How often what is due is settled without being asked for; `None` for tests, which call
    /// [`crate::sandbox::Sandbox::settle_due`].
    pub tick: Option<Duration>,
}
