//! The turning of the clock, which all ledgers share.

use std::{sync::Mutex, time::Duration};

use serde::{Deserialize, Serialize};

use super::{catch_up::CatchUp, lock::lock};
use crate::domain::clock::{Clock, Timestamp};

/// The longest span that goes by at once.
pub const MAX_ADVANCE: Duration = Duration::from_secs(400 * 86_400);
/// The farthest that a clock can be put ahead of the machine's.
pub const MAX_LEAD: Duration = Duration::from_secs(10 * 366 * 86_400);

/// The part of the clock that ledgers share.
#[derive(Default)]
pub(super) struct Turning {
    /// Held by whoever puts the clock ahead.
    pub alone: tokio::sync::Mutex<()>,
    /// Done at each step of a clock that is put ahead.
    pub catch_up: Mutex<Option<CatchUp>>,
    /// Done before the first step.
    pub keep: Mutex<Option<CatchUp>>,
    /// How far ahead the clock is about to be; zero when nobody turns it.
    promised: Mutex<Duration>,
}

/// The clock in a memory.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptClock {
    pub now: Timestamp,
    /// How far it is ahead of the machine's, in microseconds.
    pub ahead: u64,
}

impl Turning {
    /// The clock as it is kept. One that is being put ahead is kept as it will be: whatever is written by it meanwhile
    /// lies before that.
    pub fn kept(&self, clock: &Clock) -> KeptClock {
        let ahead = clock.lead().max(*lock(&self.promised)).as_micros();
        KeptClock { now: clock.now(), ahead: u64::try_from(ahead).unwrap_or(u64::MAX) }
    }

    /// Has it kept that the clock will be so far ahead, before it is.
    pub async fn promise(&self, lead: Duration) {
        *lock(&self.promised) = lead;
        let keep = lock(&self.keep).clone();
        if let Some(keep) = keep {
            keep().await;
        }
    }

    /// Notes that the clock is where it was promised to be.
    pub fn is_done(&self) {
        *lock(&self.promised) = Duration::ZERO;
    }
}

impl KeptClock {
    /// By how much a clock has to be put ahead, so that it is not behind this one.
    pub fn beyond(self, clock: &Clock) -> Duration {
        let lead = Duration::from_micros(self.ahead).saturating_sub(clock.lead());
        lead.max(self.now.since(clock.now()))
    }
}
