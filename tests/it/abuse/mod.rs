//! Attacks on a gateway that is a process of its own, while an honest caller is measured: alone first, then beside them. Each has a
//! pass line: how long the honest caller's payments take, that none of them fails, and how far the gateway's memory grows.
//!
//! `make test` runs each for a moment, `make abuse SECONDS=20` for longer; docs/reliability.md has the figures.

mod bodies;
mod frames;
mod http2;
mod neighbours;
mod stage;

use std::{env, time::Duration};

/// Names the seconds of each measurement; without it they are as few as `make test` has time for.
const SECONDS: &str = "ABUSE_SECONDS";
const A_MOMENT: Duration = Duration::from_millis(1500);
/// The greatest p99 of the honest caller's payments in a run that measures, as a multiple of what it is without an attack: the attackers
/// take their share of this machine's cores. Below `NEGLIGIBLE` no growth matters.
const MOST_GROWTH: f64 = 10.0;
const NEGLIGIBLE: Duration = Duration::from_millis(400);
/// The same in `make test`, beside which the machine does much else, so that it only distinguishes service from none.
const SERVED: Duration = Duration::from_secs(5);

/// How long each measurement lasts.
fn length() -> Duration {
    seconds().unwrap_or(A_MOMENT)
}

/// The pass line: how long the honest caller may take, given what it takes alone.
fn longest(alone: Duration) -> Duration {
    if seconds().is_some() { NEGLIGIBLE.max(alone.mul_f64(MOST_GROWTH)) } else { SERVED }
}

fn seconds() -> Option<Duration> {
    env::var(SECONDS).ok().map(|seconds| Duration::from_secs_f64(seconds.parse().unwrap()))
}
