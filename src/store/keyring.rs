//! The keys that the store works with.

use super::Sealer;
use crate::domain::{
    master_key::{MasterKey, Purpose},
    randomness::Randomness,
    search_term::TermHasher,
};

/// What seals personal data in the database, and what hashes the terms by which it is found.
#[derive(Clone)]
pub struct Keyring {
    pub(super) sealer: Sealer,
    pub(super) terms: TermHasher,
}

impl Keyring {
    /// Of the master key; sealing takes its nonces from `randomness`.
    pub fn new(master_key: &MasterKey, randomness: Randomness) -> Self {
        Self { sealer: Sealer::new(master_key.derive(Purpose::Seal), randomness), terms: TermHasher::new(master_key) }
    }
}
