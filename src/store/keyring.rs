//! The keys that the store works with.

use secrecy::SecretString;

use super::Sealer;
use crate::domain::{hash_key::HashKey, master_key::MasterKeys, randomness::Randomness};

/// The keys that open a database: the one that seals personal data, and with it the hash key.
#[derive(Clone)]
pub struct Keyring {
    pub(super) sealer: Sealer,
    pub(super) randomness: Randomness,
    master_key: SecretString,
}

impl Keyring {
    /// Of the master keys; sealing takes its nonces from `randomness`.
    pub fn new(keys: &MasterKeys, randomness: Randomness) -> Self {
        let other = keys.other.as_ref().map(|other| other.sealing_key());
        Self {
            sealer: Sealer::new(keys.current.sealing_key(), randomness.clone()).and_open(other),
            randomness,
            master_key: keys.current.text().clone(),
        }
    }

    /// A hash key for a new database.
    pub(super) fn new_hash_key(&self) -> HashKey {
        HashKey::generate(&self.randomness)
    }

    /// The hash key of a database from before it had one of its own: the master key itself.
    pub(super) fn of_old(&self) -> HashKey {
        HashKey::new(self.master_key.clone())
    }
}
