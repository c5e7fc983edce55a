//! The circuit breaker: when Corefy fails call after call, it is left alone for a while, and then tried with one call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::clock::Timestamp;

/// Consecutive failures that open the circuit.
pub const FAILURES_TO_OPEN: u32 = 10;

/// The time for which nothing is sent once the circuit is open, and after which a probe without an outcome is given up.
pub const COOL_DOWN: Duration = Duration::from_secs(5);

/// Counts failures in a row; the clock is handed in.
#[derive(Debug, Default)]
pub struct CircuitBreaker(Mutex<Circuit>);

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    /// When it was opened or last let a probe through; `None` while it is closed.
    open_since: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Whether a call may be made now. The error is the time until one may.
    ///
    /// Once the cool-down is over, the first to ask is let through as a probe and the cool-down begins again: were the
    /// probe lost, with the task that made it, another would follow.
    pub fn admit(&self, now: Timestamp) -> Result<(), Duration> {
        let mut circuit = self.circuit();
        let Some(since) = circuit.open_since else { return Ok(()) };
        let was_turned_back = now < since;
        let rest = if was_turned_back { COOL_DOWN } else { COOL_DOWN.saturating_sub(now.since(since)) };
        if rest.is_zero() || was_turned_back {
            circuit.open_since = Some(now);
        }
        if rest.is_zero() { Ok(()) } else { Err(rest) }
    }

    /// Corefy answered a call, whatever the answer.
    pub fn succeeded(&self) {
        *self.circuit() = Circuit::default();
    }

    /// A call was not answered, something on the way answered it, or Corefy said itself that it cannot.
    pub fn failed(&self, now: Timestamp) {
        let mut circuit = self.circuit();
        circuit.failures = circuit.failures.saturating_add(1);
        if circuit.failures >= FAILURES_TO_OPEN {
            circuit.open_since = Some(now);
        }
    }

    /// Whether calls are held back, but for a probe now and then.
    pub fn is_open(&self) -> bool {
        self.circuit().open_since.is_some()
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000_000);

    fn opened() -> CircuitBreaker {
        let breaker = CircuitBreaker::default();
        (0..FAILURES_TO_OPEN).for_each(|_| breaker.failed(START));
        breaker
    }

    #[test]
    fn it_opens_at_the_last_failure_in_a_row_and_not_before() {
        let breaker = CircuitBreaker::default();
        (1..FAILURES_TO_OPEN).for_each(|_| breaker.failed(START));
        assert_eq!(breaker.admit(START), Ok(()));
        assert!(!breaker.is_open());
        breaker.failed(START);
        assert!(breaker.is_open());
        assert_eq!(breaker.admit(START), Err(COOL_DOWN));
        assert_eq!(breaker.admit(START + Duration::from_secs(2)), Err(Duration::from_secs(3)));
    }

    #[test]
    fn a_success_between_begins_the_count_again() {
        let breaker = CircuitBreaker::default();
        (1..FAILURES_TO_OPEN).for_each(|_| breaker.failed(START));
        breaker.succeeded();
        (1..FAILURES_TO_OPEN).for_each(|_| breaker.failed(START));
        assert_eq!(breaker.admit(START), Ok(()));
    }

    #[test]
    fn after_the_cool_down_one_probe_is_let_through() {
        let breaker = opened();
        let later = START + COOL_DOWN;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(COOL_DOWN));
    }

    #[test]
    fn a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_again() {
        let breaker = opened();
        let later = START + COOL_DOWN;
        breaker.admit(later).unwrap();
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(COOL_DOWN));
        breaker.admit(later + COOL_DOWN).unwrap();
        breaker.succeeded();
        assert_eq!(breaker.admit(later + COOL_DOWN), Ok(()));
        assert_eq!(breaker.admit(later + COOL_DOWN), Ok(()));
    }

    #[test]
    fn a_probe_that_never_ends_is_followed_by_another() {
        let breaker = opened();
        breaker.admit(START + COOL_DOWN).unwrap();
        assert_eq!(breaker.admit(START + COOL_DOWN + COOL_DOWN), Ok(()));
    }

    #[test]
    fn a_clock_that_is_turned_back_does_not_keep_it_open_for_longer() {
        let breaker = opened();
        let earlier = Timestamp(START.0 - 3_600_000_000);
        assert_eq!(breaker.admit(earlier), Err(COOL_DOWN));
        assert_eq!(breaker.admit(earlier + COOL_DOWN), Ok(()));
    }
}
