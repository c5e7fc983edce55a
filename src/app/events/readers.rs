//! The open readers of events: how many each key may have, and how far they have come, for the operator.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{
    domain::clock::Timestamp,
    error::{Error, Reason},
};

use tokio::time::Instant;

/// The place of a reader that has received every event.
const UP_TO_DATE: i64 = i64::MAX;
/// When a key that has all of its streams may ask again: streams of a client that has gone are noticed and closed meanwhile.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The open readers of this gateway. Each key has a bounded number of them.
pub(in crate::app) struct Readers {
    /// Readers of one key at one time; `None`: any number.
    per_key: Option<NonZeroU32>,
    accounts: Mutex<Vec<Account>>,
    /// When somebody looked last for all whether there is something new.
    looked_at: Mutex<Option<Instant>>,
    /// The last place in the order of events that was seen then.
    seen: AtomicI64,
}

/// The state of one reader.
struct Account {
    key_id: String,
    /// Shared with the reader's [`ReaderProgress`]; dangling once the reader is gone.
    came_to: Weak<AtomicI64>,
}

/// One reader's own account; it is forgotten when this is dropped.
pub(super) struct ReaderProgress(Arc<AtomicI64>);

/// The open readers at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) struct ReaderStats {
    /// How many there are.
    pub count: u32,
    /// How long ago the last event happened that the slowest of them has come to.
    pub lag: Duration,
}

impl Readers {
    /// None yet, with a bound for each key; `None`: without one.
    pub(in crate::app) fn new(per_key: Option<NonZeroU32>) -> Self {
        Self { per_key, accounts: Mutex::default(), looked_at: Mutex::default(), seen: AtomicI64::default() }
    }

    /// Begins the account of a reader, unless its key has as many as it may.
    pub(super) fn add(&self, key_id: &str) -> Result<ReaderProgress, Error> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|account| account.came_to.strong_count() > 0);
        let open = accounts.iter().filter(|account| account.key_id == key_id).count();
        if let Some(limit) = self.per_key.filter(|limit| open >= limit.get() as usize) {
            let message = format!("the key has {limit} open streams, as many as it may; close one first");
            return Err(Error::new(Reason::EventStreamsLimited, message).retry_after(ASK_AGAIN));
        }
        let progress = Arc::new(AtomicI64::new(UP_TO_DATE));
        accounts.push(Account { key_id: key_id.to_owned(), came_to: Arc::downgrade(&progress) });
        Ok(ReaderProgress(progress))
    }

    /// Whether the caller is to look for all of them: nobody has for this long.
    pub(super) fn may_look(&self, interval: Duration) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked_at.is_none_or(|at| at.elapsed() >= interval);
        if is_due {
            *looked_at = Some(Instant::now());
        }
        is_due
    }

    /// Notes the last place in the order of events; whether it is another than before.
    pub(super) fn is_news(&self, last: i64) -> bool {
        self.seen.swap(last, Ordering::Relaxed) != last
    }

    /// How they stand at `now`.
    pub(in crate::app) fn stats(&self, now: Timestamp) -> ReaderStats {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let open = accounts.iter().filter_map(|account| account.came_to.upgrade());
        let came_to: Vec<_> = open.map(|it| it.load(Ordering::Relaxed)).collect();
        let slowest = came_to.iter().copied().filter(|time| *time != UP_TO_DATE).min();
        let lag = slowest.map_or(Duration::ZERO, |time| now.since(Timestamp(time)));
        ReaderStats { count: u32::try_from(came_to.len()).unwrap_or(u32::MAX), lag }
    }
}

impl ReaderProgress {
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
        let readers = Readers::new(None);
        let now = Timestamp::from_seconds(100);
        let stats = |count, seconds| ReaderStats { count, lag: Duration::from_secs(seconds) };
        assert_eq!(readers.stats(now), stats(0, 0));
        let (slow, fast) = (readers.add("pk_a").unwrap(), readers.add("pk_a").unwrap());
        assert_eq!(readers.stats(now), stats(2, 0), "who has not begun is not behind");
        slow.came_to(Timestamp::from_seconds(40));
        fast.came_to(Timestamp::from_seconds(95));
        assert_eq!(readers.stats(now), stats(2, 60));
        slow.has_all();
        assert_eq!(readers.stats(now), stats(2, 5));
        drop(fast);
        assert_eq!(readers.stats(now), stats(1, 0));
    }

    #[test]
    fn one_of_them_looks_for_all_and_only_a_new_place_is_news() {
        let readers = Readers::new(None);
        let looks = (0..10).filter(|_| readers.may_look(Duration::from_secs(3600))).count();
        assert_eq!(looks, 1);
        assert!(readers.may_look(Duration::ZERO));
        assert_eq!([7, 7, 8].map(|last| readers.is_news(last)), [true, false, true]);
    }

    #[test]
    fn a_key_has_a_bounded_number_of_readers_and_leaves_those_of_others_alone() {
        let readers = Readers::new(NonZeroU32::new(2));
        let (first, _second) = (readers.add("pk_a").unwrap(), readers.add("pk_a").unwrap());
        let refusal = readers.add("pk_a").err().unwrap();
        assert_eq!((refusal.reason, refusal.retry_after), (Reason::EventStreamsLimited, Some(ASK_AGAIN)));
        assert!(readers.add("pk_b").is_ok());
        drop(first);
        assert!(readers.add("pk_a").is_ok());
    }
}
