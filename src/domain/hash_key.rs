//! The secret under which values are hashed that are found again by their hashes, and the keys derived from it. It is in the
//! database, sealed under the master key, and stays when that is changed: of most values nothing but the hash is kept.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::randomness::Randomness;

/// The secret of a database, from which the keys of its hashes are derived.
#[derive(Clone, Debug)]
pub struct HashKey(SecretString);

/// The purpose of a derived key. Each purpose has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Hashes the secrets of API keys.
    Pepper,
    /// Fingerprints of requests under an idempotency key.
    Fingerprint,
    /// Authenticates page tokens.
    PageToken,
    /// Hashes callers' idempotency keys.
    IdempotencyKey,
    /// Hashes card numbers for counters and lists of risk.
    RiskCard,
    /// Hashes email addresses for counters and lists of risk.
    RiskEmail,
    /// Hashes IP addresses for counters and lists of risk.
    RiskIp,
    /// Hashes the values that objects are found by.
    SearchTerm,
    /// Links the rows of the audit log.
    AuditChain,
}

/// Random bytes of a new key.
const BYTES: usize = 32;

impl HashKey {
    /// Wraps its text.
    pub fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// A new one, for a new database.
    pub fn generate(randomness: &Randomness) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        randomness.fill(&mut *bytes);
        Self(base16ct::lower::encode_string(&*bytes).into())
    }

    /// Its text, to be sealed.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The key for `purpose`: HMAC-SHA256 of its name.
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        let name: &[u8] = match purpose {
            Purpose::Pepper => b"corefy-gateway/pepper/1",
            Purpose::Fingerprint => b"corefy-gateway/fingerprint/1",
            Purpose::PageToken => b"corefy-gateway/page-token/1",
            Purpose::IdempotencyKey => b"corefy-gateway/idempotency-key/1",
            Purpose::RiskCard => b"corefy-gateway/risk-card/1",
            Purpose::RiskEmail => b"corefy-gateway/risk-email/1",
            Purpose::RiskIp => b"corefy-gateway/risk-ip/1",
            Purpose::SearchTerm => b"corefy-gateway/search-term/1",
            Purpose::AuditChain => b"corefy-gateway/audit-chain/1",
        };
        keyed_hash(self.0.expose_secret().as_bytes(), &[name])
    }
}

/// HMAC-SHA256 of `parts`, one after the other, each preceded by its length so that none can pass for another.
pub fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let master = HashKey::new("0123456789abcdef0123456789abcdef".into());
        let purposes = [
            Purpose::Pepper,
            Purpose::Fingerprint,
            Purpose::PageToken,
            Purpose::IdempotencyKey,
            Purpose::RiskCard,
            Purpose::RiskEmail,
            Purpose::RiskIp,
            Purpose::SearchTerm,
            Purpose::AuditChain,
        ];
        let keys = purposes.map(|p| master.derive(p));
        for (place, key) in keys.iter().enumerate() {
            assert!(keys[place + 1..].iter().all(|other| other != key));
        }
    }

    #[test]
    fn parts_cannot_pass_for_one_another() {
        assert_ne!(keyed_hash(b"k", &[b"ab", b"c"]), keyed_hash(b"k", &[b"a", b"bc"]));
    }
}
