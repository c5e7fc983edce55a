//! Real processes under load: killed, frozen, flooded, restarted. The sandbox's ledger is the judge.
//!
//! `make test` runs a few rounds of each, `make chaos ROUNDS=500` many. `CHAOS_SEED` repeats the choices of an earlier run,
//! though not the moments at which the machine gets to them.

mod flood;
mod judge;
mod kills;
mod load;
mod restarts;
mod world;

use std::{env, time::Duration};

/// Names the number of rounds; without it there are as few as `make test` has time for.
const ROUNDS: &str = "CHAOS_ROUNDS";
const SEED: &str = "CHAOS_SEED";

/// How long a run is, and what its choices begin with.
#[derive(Clone, Copy, Debug)]
struct ChaosPlan {
    rounds: usize,
    /// Whether it waits for what takes minutes, where a short run turns the database's times back.
    is_long: bool,
    seed: u64,
}

impl ChaosPlan {
    /// One round for every `cost` that the environment asks for, else `few`. Prints the seed, which the output of a failed
    /// test shows.
    fn new(what: &str, few: usize, cost: usize) -> Self {
        let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let (rounds, seed) = (number(ROUNDS), number(SEED).unwrap_or_else(|| fastrand::u64(..)));
        println!("{what}: {SEED}={seed}");
        Self { rounds: rounds.map_or(few, |rounds| (rounds as usize).div_ceil(cost)), is_long: rounds.is_some(), seed }
    }
}

/// A time between these, in milliseconds.
fn between(random: &mut fastrand::Rng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.u64(milliseconds))
}
