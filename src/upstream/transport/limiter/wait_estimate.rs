//! Estimates how long a call will wait, by the last lease.

use std::time::Duration;

use super::queue::QueuePosition;
use crate::{domain::quota::Lease, upstream::Priority};
use tokio::time::Instant;

/// The moment at which a bucket has the next token, and the time from one token to the next.
#[derive(Clone, Copy, Debug)]
pub struct WaitEstimate {
    next_at: Instant,
    pace: Duration,
}

/// The outlooks of both purses.
#[derive(Clone, Copy, Debug)]
pub struct WaitEstimates {
    /// Of the common one.
    pub common: WaitEstimate,
    /// Of the reserve; `None` when there is none.
    pub recovery: Option<WaitEstimate>,
}

impl WaitEstimate {
    /// Nothing is known.
    pub fn unknown(now: Instant) -> Self {
        Self { next_at: now, pace: Duration::ZERO }
    }

    /// The estimate by a lease that was granted at `now`.
    pub fn of(lease: Lease, now: Instant) -> Self {
        Self { next_at: now + lease.next_in, pace: lease.pace }
    }

    /// With nothing to be had before `at`.
    pub fn not_before(self, at: Instant) -> Self {
        Self { next_at: self.next_at.max(at), ..self }
    }

    /// The wait of a call at this position. Once the moment of the next token is past, nothing is known: there may be
    /// any number.
    pub fn wait(self, position: usize, now: Instant) -> Duration {
        let next_in = self.next_at.saturating_duration_since(now);
        let rest = self.pace.saturating_mul(u32::try_from(position).unwrap_or(u32::MAX));
        if next_in.is_zero() { next_in } else { next_in.saturating_add(rest) }
    }
}

impl WaitEstimates {
    /// How long a call of `priority` waits.
    pub fn wait(self, priority: Priority, position: QueuePosition, now: Instant) -> Duration {
        let common = self.common.wait(position.overall, now);
        let recovery = self.recovery.filter(|_| priority == Priority::InDoubt);
        recovery.map_or(common, |recovery| common.min(recovery.wait(position.in_priority, now)))
    }
}
