//! How far the open readers of events have come, for the operator.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::domain::clock::Timestamp;

/// What stands for a reader who has all there is.
const UP_TO_DATE: i64 = i64::MAX;

/// The open readers of this gateway. As many as there are streams, which connections bound.
#[derive(Default)]
pub(in crate::app) struct Readers(Mutex<Vec<Weak<AtomicI64>>>);

/// One reader's own account; it is forgotten when this is dropped.
pub(super) struct Progress(Arc<AtomicI64>);

/// The open readers at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) struct Standing {
    /// How many there are.
    pub count: u32,
    /// How long ago the last event happened that the slowest of them has come to.
    pub lag: Duration,
}

impl Readers {
    /// Begins the account of a reader.
    pub(super) fn add(&self) -> Progress {
        let progress = Arc::new(AtomicI64::new(UP_TO_DATE));
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(Arc::downgrade(&progress));
        Progress(progress)
    }

    /// How they stand at `now`.
    pub(in crate::app) fn standing(&self, now: Timestamp) -> Standing {
        let readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let came_to: Vec<_> = readers.iter().filter_map(Weak::upgrade).map(|it| it.load(Ordering::Relaxed)).collect();
        let slowest = came_to.iter().copied().filter(|time| *time != UP_TO_DATE).min();
        let lag = slowest.map_or(Duration::ZERO, |time| now.since(Timestamp(time)));
        Standing { count: u32::try_from(came_to.len()).unwrap_or(u32::MAX), lag }
    }
}

impl Progress {
    /// Notes that the reader has come to an event of this time; there may be more.
    pub(super) fn came_to(&self, created_at: Timestamp) {
        self.0.store(created_at.0, Ordering::Relaxed);
    }

    /// Notes that there is nothing that the reader has not got.
    pub(super) fn has_all(&self) {
        self.0.store(UP_TO_DATE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_reader_counts_until_it_has_all_or_is_gone() {
        let readers = Readers::default();
        let now = Timestamp::from_seconds(100);
        let standing = |count, seconds| Standing { count, lag: Duration::from_secs(seconds) };
        assert_eq!(readers.standing(now), standing(0, 0));
        let (slow, fast) = (readers.add(), readers.add());
        assert_eq!(readers.standing(now), standing(2, 0), "who has not begun is not behind");
        slow.came_to(Timestamp::from_seconds(40));
        fast.came_to(Timestamp::from_seconds(95));
        assert_eq!(readers.standing(now), standing(2, 60));
        slow.has_all();
        assert_eq!(readers.standing(now), standing(2, 5));
        drop(fast);
        assert_eq!(readers.standing(now), standing(1, 0));
    }
}
