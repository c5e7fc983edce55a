//! All that the gateway takes from outside of itself and its peers: time, ids and chance. It is handed in, so that a run can
//! be repeated from a seed.

use super::{
    clock::{Clock, Timestamp},
    ids::Ids,
    randomness::Randomness,
};

/// Time, ids and chance. Cloned freely; all clones share the same.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The time of day.
    pub clock: Clock,
    /// The source of ids.
    pub ids: Ids,
    /// The source of everything else that is left to chance.
    pub randomness: Randomness,
}

impl Environment {
    /// The machine's own.
    pub fn system() -> Self {
        Self { clock: Clock::system(), ids: Ids::system(), randomness: Randomness::system() }
    }

    /// The machine's, but for a clock that can be put ahead of it.
    pub fn ahead() -> Self {
        Self::of(Clock::ahead(), Randomness::system())
    }

    /// The machine's, but for a clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::of(Clock::manual(start), Randomness::system())
    }

    /// A clock that stands at `start`, and ids and chance that are the same for the same seed.
    pub fn from_seed(start: Timestamp, seed: u64) -> Self {
        Self::of(Clock::manual(start), Randomness::from_seed(seed))
    }

    fn of(clock: Clock, randomness: Randomness) -> Self {
        Self { ids: Ids::new(clock.clone(), &randomness), clock, randomness }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::system()
    }
}
