//! Real processes under load: killed, frozen, flooded, restarted. The sandbox's ledger is the judge.
//!
//! `make test` runs a few rounds of each, `make chaos ROUNDS=500` many. `CHAOS_SEED` repeats the choices of an earlier run,
//! though not the moments at which the machine gets to them.

mod books;
mod clock;
mod cluster;
mod corefy;
mod disk;
mod flood;
mod judge;
mod load;
mod operator;
mod postgres;
mod postgres_server;
mod restarts;
mod rounds;
mod sqlite;
mod strikes;
mod world;

use std::{
    env,
    time::{Duration, Instant},
};

/// Names the number of rounds; without it there are as few as `make test` has time for.
const ROUNDS: &str = "CHAOS_ROUNDS";
const SEED: &str = "CHAOS_SEED";
/// Names the minutes after which no more rounds are begun.
const MINUTES: &str = "CHAOS_MINUTES";
/// The same where it is not set.
const MAX_MINUTES: u64 = 180;

/// How long a run is, and what its choices begin with.
#[derive(Clone, Copy, Debug)]
struct ChaosPlan {
    rounds: usize,
    /// Whether it waits for what takes minutes, where a short run turns the database's times back.
    is_long: bool,
    seed: u64,
    /// When no more rounds are begun.
    until: Instant,
}

impl ChaosPlan {
    /// One round for every `cost` that the environment asks for, else `few`. Prints the line that repeats it, which the output
    /// of a failed test shows.
    fn new(what: &str, few: usize, cost: usize) -> Self {
        let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let (asked, seed) = (number(ROUNDS), number(SEED).unwrap_or_else(|| fastrand::u64(..)));
        let (is_long, minutes) = (asked.is_some(), number(MINUTES).unwrap_or(MAX_MINUTES));
        let again =
            asked.map_or_else(|| "cargo test --test it chaos::".to_owned(), |n| format!("make chaos ROUNDS={n}"));
        println!("{what}: {SEED}={seed} {again}");
        let rounds = asked.map_or(few, |asked| (asked as usize).div_ceil(cost));
        Self { rounds, is_long, seed, until: Instant::now() + Duration::from_secs(60 * minutes) }
    }

    /// Whether its time is over.
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// A time between these, in milliseconds.
fn between(random: &mut fastrand::Rng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.u64(milliseconds))
}
