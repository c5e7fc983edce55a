//! A circuit breaker: refuses at once while the last tries have failed, since a caller would only wait for the next failure.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
/// Consecutive failures after which tries are refused.
const FAILURES: u32 = 3;
/// How long all are refused after a failure, and after one was let through to see whether it still fails.
const PAUSE: Duration = Duration::from_millis(500);

/// Counts the tries that failed, of one kind.
#[derive(Debug, Default)]
pub struct StoreBreaker(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    /// How many have failed since one worked.
    failed: u32,
    /// When the last one was let through, or failed.
    tried_at: Option<Instant>,
    /// When one worked last.
    worked_at: Option<Instant>,
}

impl StoreBreaker {
    /// Whether something may be tried. The caller notes the outcome.
    pub fn admits(&self) -> bool {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = tries.tried_at.is_some_and(|tried_at| now.saturating_duration_since(tried_at) < PAUSE);
        if tries.failed >= FAILURES && is_recent {
            return false;
        }
        tries.tried_at = Some(now);
        true
    }

    /// Notes what came of a try.
    pub fn note(&self, has_failed: bool) {
        self.note_at(Instant::now(), has_failed);
    }

    fn note_at(&self, now: Instant, has_failed: bool) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.failed = if has_failed { tries.failed.saturating_add(1) } else { 0 };
        tries.tried_at = Some(now);
        if !has_failed {
            tries.worked_at = Some(now);
        }
    }

    /// Whether a try has worked just now: then a call that still waits is only not served yet.
    pub fn works(&self) -> bool {
        let worked_at = self.0.lock().unwrap_or_else(PoisonError::into_inner).worked_at;
        worked_at.is_some_and(|worked_at| worked_at.elapsed() < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_tries_fail_one_in_a_while_is_let_through_and_one_that_works_lets_all_through() {
        let (breaker, start) = (StoreBreaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert!(breaker.admits_at(start));
            breaker.note_at(start, true);
        }
        assert!(!breaker.admits_at(start));
        assert!(breaker.admits_at(start + PAUSE));
        assert!(!breaker.admits_at(start + PAUSE), "one is enough");
        // It has waited in vain for a while.
        breaker.note_at(start + 3 * PAUSE, true);
        assert!(!breaker.admits_at(start + 3 * PAUSE));
        assert!(breaker.admits_at(start + 4 * PAUSE));
        breaker.note_at(start + 4 * PAUSE, false);
        assert!(breaker.admits_at(start + 4 * PAUSE) && breaker.admits_at(start + 4 * PAUSE));
    }

    #[test]
    fn failures_with_a_success_between_them_refuse_nobody() {
        let (breaker, start) = (StoreBreaker::default(), Instant::now());
        for n in 0..3 * FAILURES {
            assert!(breaker.admits_at(start));
            breaker.note_at(start, n % FAILURES > 0);
        }
    }
}
