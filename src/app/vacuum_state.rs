//! When PostgreSQL is asked to vacuum what erasures have rewritten.

use std::{
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::clock::Timestamp;

/// The shortest pause between two: each serves all erasures that have ended by then.
const PAUSE: Duration = Duration::from_secs(600);

/// Whether one is wanted, and when the last one was. A gateway that is started begins anew.
#[derive(Default)]
pub(super) struct VacuumState(Mutex<Wanted>);

#[derive(Default)]
struct Wanted {
    is_wanted: bool,
    last: Option<Timestamp>,
    is_refusal_logged: bool,
}

impl VacuumState {
    /// Has one asked for: an erasure has ended.
    pub fn want(&self) {
        self.with(|state| state.is_wanted = true);
    }

    /// Whether one is due at `now`, which is then no longer wanted.
    pub fn take(&self, now: Timestamp) -> bool {
        self.with(|state| {
            let is_due = state.is_wanted && state.last.is_none_or(|last| last.is_over(now, PAUSE) || last > now);
            if is_due {
                (state.is_wanted, state.last) = (false, Some(now));
            }
            is_due
        })
    }

    /// Whether a refusal is the first.
    pub fn is_first_refusal(&self) -> bool {
        self.with(|state| !mem::replace(&mut state.is_refusal_logged, true))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Wanted) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_taken_when_it_is_wanted_and_the_last_is_long_ago() {
        let (state, at) = (VacuumState::default(), Timestamp::from_seconds);
        assert!(!state.take(at(0)), "nothing was erased");
        state.want();
        assert!(state.take(at(1)) && !state.take(at(700)), "one serves all");
        state.want();
        assert!(!state.take(at(600)) && state.take(at(602)));
        assert!(state.is_first_refusal() && !state.is_first_refusal());
    }
}
