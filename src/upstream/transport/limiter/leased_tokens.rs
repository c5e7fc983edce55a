//! The leased tokens that are at hand, and how many there should be.

use std::{collections::VecDeque, time::Duration};

use crate::domain::quota::{Demand, LEASE};
use tokio::time::Instant;

/// The number that is kept ready at least, as far as there are some to spare.
const MIN_AHEAD: u32 = 8;
/// The shortest time over which demand is counted.
const COUNT_PERIOD: Duration = Duration::from_millis(50);

/// The tokens at hand, and the demand of late.
#[derive(Debug)]
pub struct LeasedTokens {
    grants: VecDeque<Grant>,
    /// How many should lie ready.
    ahead: u32,
    /// How many were taken since demand was last counted.
    taken: u32,
    counted_at: Instant,
}

/// The tokens of one lease.
#[derive(Debug)]
struct Grant {
    left: u32,
    expires_at: Instant,
}

impl LeasedTokens {
    /// Starts without tokens.
    pub fn new(now: Instant) -> Self {
        Self { grants: VecDeque::new(), ahead: MIN_AHEAD, taken: 0, counted_at: now }
    }

    /// Adds the tokens of a lease that was requested at `asked_at`.
    pub fn put(&mut self, count: u32, asked_at: Instant, now: Instant) {
        self.grants.push_back(Grant { left: count, expires_at: asked_at + LEASE });
        self.discard(now);
    }

    /// Takes one; answers how many are left.
    pub fn take(&mut self, now: Instant) -> Option<u32> {
        self.discard(now);
        self.grants.front_mut()?.left -= 1;
        self.taken = self.taken.saturating_add(1);
        self.discard(now);
        Some(self.left())
    }

    /// How many lie ready, or did when it was last looked.
    pub fn left(&self) -> u32 {
        self.grants.iter().map(|slice| slice.left).sum()
    }

    /// Whether more should be leased before a call has to wait.
    pub fn is_low(&self) -> bool {
        self.left() <= self.ahead / 2
    }

    /// The demand for the next lease: one for each of the `waiting` calls, and what the time of a lease has needed
    /// lately. A rush is remembered for a while, since another may follow.
    pub fn demand(&mut self, waiting: u32, now: Instant) -> Demand {
        let counted_for = now.saturating_duration_since(self.counted_at);
        if counted_for >= COUNT_PERIOD {
            let needed = u128::from(self.taken.saturating_add(waiting));
            let expected = needed * LEASE.as_micros() / counted_for.as_micros();
            self.ahead = u32::try_from(expected).unwrap_or(u32::MAX).max(self.ahead / 2).max(MIN_AHEAD);
            (self.taken, self.counted_at) = (0, now);
        }
        self.discard(now);
        Demand { waiting, ahead: self.ahead.max(waiting).saturating_sub(self.left()) }
    }

    /// Discards what is used up, and what is void.
    fn discard(&mut self, now: Instant) {
        self.grants.retain(|slice| slice.left > 0 && now < slice.expires_at);
    }
}
