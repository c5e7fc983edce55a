//! API keys as they are stored, and the rule that says whether one admits a caller.

use std::net::IpAddr;

use ipnet::IpNet;
use subtle::{Choice, ConstantTimeEq};

use super::clock::Timestamp;
use super::ids::PartnerId;
use super::key_pair::{PublicKey, SecretHash};
use super::network;

/// A permission of a key. A key has one or more of them; none includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Calls that change nothing.
    Read,
    /// Calls that create and change, but for refunds.
    Write,
    /// Giving money back.
    Refunds,
    /// The rules and lists of the whole gateway, and the decisions and reviews of the partner's own payments.
    Risk,
}

impl Scope {
    /// Every scope, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Refunds, Self::Risk];

    /// The word for it: `read`, `write`, `refunds`, `risk`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Refunds => "refunds",
            Self::Risk => "risk",
        }
    }

    /// Reads the word for a scope.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A key as it is stored: everything but the secret.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The public half.
    pub id: PublicKey,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// Name of the key, for its owner.
    pub name: String,
    /// [`SecretHash`] of the secret.
    pub secret_hash: Vec<u8>,
    /// The hash of the secret before the last rotation.
    pub previous_secret_hash: Option<Vec<u8>>,
    /// Until when the secret before the last rotation is good; without it, it is not.
    pub previous_expires_at: Option<Timestamp>,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty: anywhere.
    pub allowed: Vec<IpNet>,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// Since when it has been revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a key does not admit a caller. For the log and the metrics: callers get one and the same answer for all but the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key was sent.
    #[error("none was sent")]
    Missing,
    /// The text is no key of this gateway's form.
    #[error("malformed")]
    Malformed,
    /// There is no such key.
    #[error("unknown")]
    Unknown,
    /// The secret is another one.
    #[error("wrong secret")]
    WrongSecret,
    /// The key was revoked.
    #[error("revoked")]
    Revoked,
    /// The key's time is over.
    #[error("expired")]
    Expired,
    /// The key may not be used from this address.
    #[error("address not allowed")]
    AddressNotAllowed,
    /// The key lacks the scope of the call.
    #[error("scope missing")]
    ScopeMissing,
    /// Its address has shown too many wrong keys.
    #[error("too many wrong keys from its address")]
    Limited,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::WrongSecret,
        Self::Revoked,
        Self::Expired,
        Self::AddressNotAllowed,
        Self::ScopeMissing,
        Self::Limited,
    ];

    /// The word for it in metrics and in the log.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::WrongSecret => "wrong_secret",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::AddressNotAllowed => "network",
            Self::ScopeMissing => "scope",
            Self::Limited => "limited",
        }
    }
}

impl ApiKey {
    /// Whether a caller at `address` that presented a secret with this hash is admitted.
    ///
    /// The secret is compared first and always, in constant time, so that nobody without it learns anything of the key.
    pub fn admits(&self, presented: &SecretHash, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        let current = self.secret_hash.ct_eq(presented);
        let previous = self.previous_secret_hash.as_deref().unwrap_or(&self.secret_hash).ct_eq(presented);
        let overlaps = Choice::from(u8::from(self.previous_expires_at.is_some_and(|end| now < end)));
        if !bool::from(current | (previous & overlaps)) {
            return Err(Refusal::WrongSecret);
        }
        self.is_good(now)?;
        if !network::allows(&self.allowed, address) {
            return Err(Refusal::AddressNotAllowed);
        }
        Ok(())
    }

    /// Whether the key is neither revoked nor expired.
    pub fn is_good(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::randomness::Randomness;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
    const SECRET: SecretHash = [7; 32];
    const PREVIOUS: SecretHash = [8; 32];

    fn key() -> ApiKey {
        let partner_id = PartnerId::parse("acme").unwrap();
        ApiKey {
            id: PublicKey::generate(&partner_id, &Randomness::system()),
            partner_id,
            name: "Backend".to_owned(),
            secret_hash: SECRET.to_vec(),
            previous_secret_hash: None,
            previous_expires_at: None,
            scopes: Scope::ALL.to_vec(),
            allowed: Vec::new(),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            created_at: NOW,
        }
    }

    #[test]
    fn the_secret_admits_and_another_does_not() {
        assert_eq!(key().admits(&SECRET, None, NOW), Ok(()));
        assert_eq!(key().admits(&PREVIOUS, None, NOW), Err(Refusal::WrongSecret));
    }

    #[test]
    fn both_secrets_admit_until_the_overlap_ends() {
        let end = Timestamp(NOW.0 + 1);
        let key = ApiKey { previous_secret_hash: Some(PREVIOUS.to_vec()), previous_expires_at: Some(end), ..key() };
        assert_eq!(key.admits(&SECRET, None, NOW), Ok(()));
        assert_eq!(key.admits(&PREVIOUS, None, NOW), Ok(()));
        assert_eq!(key.admits(&[9; 32], None, NOW), Err(Refusal::WrongSecret));
        assert_eq!(key.admits(&SECRET, None, end), Ok(()));
        assert_eq!(key.admits(&PREVIOUS, None, end), Err(Refusal::WrongSecret));
    }

    #[test]
    fn a_previous_secret_without_an_end_admits_nobody() {
        let key = ApiKey { previous_secret_hash: Some(PREVIOUS.to_vec()), ..key() };
        assert_eq!(key.admits(&PREVIOUS, None, NOW), Err(Refusal::WrongSecret));
    }

    #[test]
    fn a_hash_of_another_length_admits_nobody() {
        let key = ApiKey { secret_hash: Vec::new(), previous_secret_hash: Some(SECRET[..31].to_vec()), ..key() };
        assert_eq!(key.admits(&SECRET, None, NOW), Err(Refusal::WrongSecret));
    }

    #[test]
    fn a_revoked_key_admits_nobody() {
        let key = ApiKey { revoked_at: Some(NOW), ..key() };
        assert_eq!(key.admits(&SECRET, None, NOW), Err(Refusal::Revoked));
    }

    #[test]
    fn a_key_is_good_until_just_before_its_end() {
        let key = ApiKey { expires_at: Some(NOW), ..key() };
        assert_eq!(key.admits(&SECRET, None, Timestamp(NOW.0 - 1)), Ok(()));
        assert_eq!(key.admits(&SECRET, None, NOW), Err(Refusal::Expired));
    }

    #[test]
    fn a_key_is_good_only_at_its_addresses() {
        let key = ApiKey { allowed: vec![network::parse("10.0.0.0/8").unwrap()], ..key() };
        assert_eq!(key.admits(&SECRET, "::ffff:10.1.2.3".parse().ok(), NOW), Ok(()));
        assert_eq!(key.admits(&SECRET, "11.1.2.3".parse().ok(), NOW), Err(Refusal::AddressNotAllowed));
        assert_eq!(key.admits(&SECRET, None, NOW), Err(Refusal::AddressNotAllowed));
    }

    #[test]
    fn who_has_not_the_secret_learns_nothing_else() {
        let key = ApiKey { revoked_at: Some(NOW), expires_at: Some(NOW), ..key() };
        assert_eq!(key.admits(&PREVIOUS, None, NOW), Err(Refusal::WrongSecret));
    }

    #[test]
    fn scopes_are_read_from_their_words() {
        assert!(Scope::ALL.into_iter().all(|scope| Scope::parse(scope.as_str()) == Some(scope)));
        assert_eq!(Scope::parse("Read"), None);
    }

    proptest! {
        #[test]
        fn no_hash_but_the_right_one_admits(presented: [u8; 32]) {
            prop_assert_eq!(key().admits(&presented, None, NOW).is_ok(), presented == SECRET);
        }
    }
}
