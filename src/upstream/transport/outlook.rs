//! What wait can be foreseen, by what the lender said last.

use std::time::{Duration, Instant};

use super::queue::Before;
use crate::{domain::quota::Lease, upstream::Class};

/// When a purse has the next call, and how fast others follow.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    next_at: Instant,
    pace: Duration,
}

/// The outlooks of both purses.
#[derive(Clone, Copy, Debug)]
pub struct Outlooks {
    /// Of the common one.
    pub common: Outlook,
    /// Of the reserve; `None` when there is none.
    pub lookups: Option<Outlook>,
}

impl Outlook {
    /// Nothing is known.
    pub fn unknown(now: Instant) -> Self {
        Self { next_at: now, pace: Duration::ZERO }
    }

    /// By what was lent at `now`.
    pub fn of(lease: Lease, now: Instant) -> Self {
        Self { next_at: now + lease.next_in, pace: lease.pace }
    }

    /// With nothing to be had before `at`.
    pub fn not_before(self, at: Instant) -> Self {
        Self { next_at: self.next_at.max(at), ..self }
    }

    /// How long one waits who has `before` others before it. What is past tells nothing: then there may be any number.
    pub fn wait(self, before: usize, now: Instant) -> Duration {
        let next_in = self.next_at.saturating_duration_since(now);
        let rest = self.pace.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        if next_in.is_zero() { next_in } else { next_in.saturating_add(rest) }
    }
}

impl Outlooks {
    /// How long a call of `class` waits.
    pub fn wait(self, class: Class, before: Before, now: Instant) -> Duration {
        let common = self.common.wait(before.in_all, now);
        let reserve = self.lookups.filter(|_| class == Class::InDoubt);
        reserve.map_or(common, |lookups| common.min(lookups.wait(before.in_class, now)))
    }
}
