//! The keys that the store works with.

use super::Sealer;
use crate::domain::{
    audit::AuditChain,
    master_key::{MasterKey, Purpose},
    randomness::Randomness,
    search_term::TermHasher,
};

/// The keys that seal personal data, hash the terms by which it is found, and link the rows of the audit log.
#[derive(Clone)]
pub struct Keyring {
    pub(super) sealer: Sealer,
    pub(super) terms: TermHasher,
    pub(super) chain: AuditChain,
}

impl Keyring {
    /// Of the master key; sealing takes its nonces from `randomness`.
    pub fn new(master_key: &MasterKey, randomness: Randomness) -> Self {
        Self {
            sealer: Sealer::new(master_key.derive(Purpose::Seal), randomness),
            terms: TermHasher::new(master_key),
            chain: AuditChain::new(master_key),
        }
    }
}
