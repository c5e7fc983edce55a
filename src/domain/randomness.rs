//! Chance as the gateway sees it: handed in, so that a run can be repeated from a seed.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Where random bytes come from. Cloned freely; all clones of a seeded one share their sequence.
#[derive(Clone)]
pub struct Randomness(Option<Arc<Mutex<StdRng>>>);

impl Randomness {
    /// The operating system's, which secrets are made of.
    pub fn system() -> Self {
        Self(None)
    }

    /// A sequence that is the same for the same seed: for simulations, never for secrets.
    pub fn from_seed(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Fills `bytes`.
    #[expect(clippy::disallowed_methods, reason = "this is where chance comes from")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            None => getrandom::fill(bytes).expect("the operating system gives random bytes"),
            Some(sequence) => sequence.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }

    /// A random number.
    pub fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A fast generator that begins anywhere.
    pub(super) fn generator(&self) -> StdRng {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        StdRng::from_seed(seed)
    }
}

/// Shows nothing of the sequence, of which keys may be made.
impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "Randomness(system)" } else { "Randomness(seeded)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_another_seed_has_another() {
        let bytes = |randomness: Randomness| {
            let mut bytes = [0; 16];
            randomness.fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(Randomness::from_seed(1)), bytes(Randomness::from_seed(1)));
        assert_ne!(bytes(Randomness::from_seed(1)), bytes(Randomness::from_seed(2)));
        assert_ne!(bytes(Randomness::system()), bytes(Randomness::system()));
    }
}
