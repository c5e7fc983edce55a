//! The keys that sandbox and gateway share, and those that they have unless others are set.

use secrecy::SecretString;

/// Keys of the sandbox unless others are set. They open nothing else.
const API_KEY: &str = "sandbox-api-key";
const SECRET_KEY: &str = "sandbox-secret-key-0123456789";
const CLIENT_KEY: &str = "sandbox-client-key";
const WEBHOOK_SECRET: &str = "sandbox-webhook-secret";
const COMMERCE_ACCOUNT: &str = "coma_sandbox0123456789";
const COMMERCE_API_KEY: &str = "sandbox-commerce-api-key";
const COMMERCE_SECRET_KEY: &str = "sk_test_sandbox-0123456789abcdefghijklmnopqrstuvwxyz";
const COMMERCE_PUBLIC_KEY: &str = "pk_test_sandbox-0123456789";

/// The keys that sandbox and gateway share.
#[derive(Clone, Debug)]
pub struct SandboxKeys {
    /// Sent with each request.
    pub api_key: SecretString,
    /// Signs requests.
    pub secret_key: SecretString,
    /// Sent with each request.
    pub client_key: SecretString,
    /// Signs webhooks.
    pub webhook_secret: SecretString,
    /// The account of the `commerce` API, which the sandbox speaks beside.
    pub commerce: CommerceKeys,
}

/// The account of the `commerce` API that sandbox and gateway share, in test mode.
#[derive(Clone, Debug)]
pub struct CommerceKeys {
    /// The account's id.
    pub account_id: String,
    /// Sent with each request.
    pub api_key: SecretString,
    /// Signs webhooks.
    pub secret_key: SecretString,
    /// Opens the public API.
    pub public_key: SecretString,
}

impl Default for CommerceKeys {
    fn default() -> Self {
        Self {
            account_id: COMMERCE_ACCOUNT.to_owned(),
            api_key: COMMERCE_API_KEY.into(),
            secret_key: COMMERCE_SECRET_KEY.into(),
            public_key: COMMERCE_PUBLIC_KEY.into(),
        }
    }
}

impl Default for SandboxKeys {
    fn default() -> Self {
        Self {
            api_key: API_KEY.into(),
            secret_key: SECRET_KEY.into(),
            client_key: CLIENT_KEY.into(),
            webhook_secret: WEBHOOK_SECRET.into(),
            commerce: CommerceKeys::default(),
        }
    }
}
