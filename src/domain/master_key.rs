//! The one secret that the gateway itself has. It is never in the database.

use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::hash_key::keyed_hash;

/// The master key as configured; at least 32 characters. What it seals can be sealed again under another one; so can the
/// [`HashKey`](crate::domain::hash_key::HashKey), which stays the same when the master key is changed.
#[derive(Clone, Debug)]
pub struct MasterKey(SecretString);

impl MasterKey {
    /// Wraps the configured text.
    pub fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// The key that seals: HMAC-SHA256 of a name under the master key.
    pub fn sealing_key(&self) -> [u8; 32] {
        keyed_hash(self.0.expose_secret().as_bytes(), &[b"corefy-gateway/seal/1"])
    }

    /// The configured text, from which the hash key was derived before it had a secret of its own.
    pub fn text(&self) -> &SecretString {
        &self.0
    }
}

/// The master key, and another one while it is being changed.
#[derive(Clone, Debug)]
pub struct MasterKeys {
    /// The key under which everything is sealed from now on.
    pub current: MasterKey,
    /// Another one, whose values open as well: the one to come, or the one before.
    pub other: Option<MasterKey>,
}

impl From<MasterKey> for MasterKeys {
    fn from(current: MasterKey) -> Self {
        Self { current, other: None }
    }
}
