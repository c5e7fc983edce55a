//! The keys that the store works with.

use std::iter;

use secrecy::SecretString;

use super::Sealer;
use crate::domain::{hash_key::HashKey, master_key::MasterKeys, randomness::Randomness};

/// The keys that open a database: the one that seals personal data, and with it the hash key.
#[derive(Clone)]
pub struct Keyring {
    pub(super) sealer: Sealer,
    pub(super) randomness: Randomness,
    /// The current one, and the other.
    master_keys: Vec<SecretString>,
}

impl Keyring {
    /// Of the master keys; sealing takes its nonces from `randomness`.
    pub fn new(keys: &MasterKeys, randomness: Randomness) -> Self {
        let other = keys.other.as_ref().map(|other| other.sealing_key());
        Self {
            sealer: Sealer::new(keys.current.sealing_key(), randomness.clone()).and_open(other),
            randomness,
            master_keys: iter::once(&keys.current).chain(&keys.other).map(|key| key.text().clone()).collect(),
        }
    }

    /// A hash key for a new database.
    pub(super) fn new_hash_key(&self) -> HashKey {
        HashKey::generate(&self.randomness)
    }

    /// The hash keys that a database from before it had one of its own may have: the master keys themselves.
    pub(super) fn of_old(&self) -> Vec<HashKey> {
        self.master_keys.iter().cloned().map(HashKey::new).collect()
    }

    /// That of one from before there was an audit log, by which it could be told whether another key is right.
    pub(super) fn of_unaudited(&self) -> HashKey {
        HashKey::new(self.master_keys[0].clone())
    }
}
