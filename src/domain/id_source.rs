//! The numbers that ids are made of: UUIDs of version 7, so that ids sort by time of creation.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use rand::{Rng as _, rngs::StdRng};
use uuid::Uuid;

use super::{clock::Clock, randomness::Randomness};

/// Random bits of a number, behind its milliseconds.
const RANDOM_BITS: u32 = 74;
/// The largest number of milliseconds that an id holds.
const MAX_MILLIS: u128 = (1 << 48) - 1;

/// Makes UUIDs of version 7, each greater than every one before. Cloned freely; all clones share the sequence.
#[derive(Clone, Debug)]
pub struct Ids(Arc<IdSource>);

struct IdSource {
    clock: Clock,
    sequence: Mutex<IdSequence>,
}

/// The last id as a number, and the generator of the random part of the next.
struct IdSequence {
    last: u128,
    generator: StdRng,
}

impl Ids {
    /// The ids of this process, by the machine's clock.
    pub fn system() -> Self {
        static SYSTEM: LazyLock<Ids> = LazyLock::new(|| Ids::new(Clock::system(), &Randomness::system()));
        SYSTEM.clone()
    }

    /// Ids by this clock and of this randomness.
    pub fn new(clock: Clock, randomness: &Randomness) -> Self {
        let sequence = Mutex::new(IdSequence { last: 0, generator: randomness.generator() });
        Self(Arc::new(IdSource { clock, sequence }))
    }

    /// The next id.
    pub fn uuid(&self) -> Uuid {
        let millis = u128::try_from(self.0.clock.now().0 / 1000).unwrap_or_default().min(MAX_MILLIS);
        let mut sequence = self.0.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        uuid_v7(sequence.next(millis))
    }
}

impl IdSequence {
    /// The next number: of this millisecond, or, when there was one of it or of a later one already, a little greater than that.
    fn next(&mut self, millis: u128) -> u128 {
        let after_last = self.last + 1 + u128::from(self.generator.next_u32());
        // Half of the random numbers are left out, so that there is room behind each.
        let random = (u128::from(self.generator.next_u64()) << 64 | u128::from(self.generator.next_u64()))
            >> (128 - RANDOM_BITS + 1);
        self.last = after_last.max(millis << RANDOM_BITS | random);
        self.last
    }
}

/// A number of 48 bits of milliseconds and [`RANDOM_BITS`] as a UUID: version and variant go in between.
fn uuid_v7(number: u128) -> Uuid {
    const VERSION: u128 = 7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let (millis, high, low) = (number >> RANDOM_BITS, number >> 62 & 0xfff, number & ((1 << 62) - 1));
    Uuid::from_u128(millis << 80 | VERSION | high << 64 | VARIANT | low)
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdSource").field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::clock::Timestamp;

    fn made(ids: &Ids, count: usize) -> Vec<Uuid> {
        (0..count).map(|_| ids.uuid()).collect()
    }

    #[test]
    fn ids_sort_by_creation() {
        let ids = made(&Ids::system(), 1000);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn ids_ascend_while_the_clock_stands_and_when_it_is_put_back() {
        let clock = Clock::manual(Timestamp::from_seconds(1_700_000_000));
        let ids = Ids::new(clock.clone(), &Randomness::system());
        let mut all = made(&ids, 1000);
        clock.put_back(Duration::from_secs(60));
        all.extend(made(&ids, 1000));
        clock.advance(Duration::from_secs(120));
        all.extend(made(&ids, 1000));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_the_milliseconds_of_its_clock() {
        let clock = Clock::manual(Timestamp(1_700_000_000_123_456));
        let id = Ids::new(clock, &Randomness::system()).uuid();
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_700_000_000, 123_000_000));
    }

    #[test]
    fn a_seed_repeats_its_ids_and_another_seed_has_others() {
        let of = |seed| {
            made(&Ids::new(Clock::manual(Timestamp::from_seconds(1_700_000_000)), &Randomness::from_seed(seed)), 10)
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
