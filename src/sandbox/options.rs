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
    /// The account of the merchant who speaks the `commerce` dialect.
    pub commerce: SandboxAccount,
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

/// A commerce account and its keys.
#[derive(Clone, Debug)]
pub struct SandboxAccount {
    /// Its id, the user of the private API.
    pub account_id: String,
    /// The password of the private API; it signs card tokens, too.
    pub api_key: SecretString,
    /// The key that signs callbacks about real payments.
    pub secret_key_live: SecretString,
    /// The key that signs callbacks about test payments.
    pub secret_key_test: SecretString,
    /// The key that the public API is called with; no secret.
    pub public_key: String,
    /// Whether an invoice that does not say so is a test.
    pub test_mode: bool,
}

impl SandboxAccount {
    /// The key that signs callbacks about an object of this mode.
    pub fn secret_key(&self, test_mode: bool) -> &SecretString {
        if test_mode { &self.secret_key_test } else { &self.secret_key_live }
    }
}

impl Default for SandboxAccount {
    /// The account of `make dev` and the tests. Its keys open nothing else.
    fn default() -> Self {
        Self {
            account_id: "coma_sandbox0123456789".to_owned(),
            api_key: "sandbox-commerce-api-key".into(),
            secret_key_live: "sk_live_sandbox-0123456789abcdefghijklmnopqrstuvwxyz".into(),
            secret_key_test: "sk_test_sandbox-0123456789abcdefghijklmnopqrstuvwxyz".into(),
            public_key: "pk_test_sandbox-0123456789".to_owned(),
            test_mode: true,
        }
    }
}
