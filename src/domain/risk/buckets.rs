//! Buckets: attempts counted by the minute, the hour or another length of time in which they were made.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, words::words};

words! {
    /// The lengths of buckets.
    BucketLength {
        /// Of cards, addresses and customers, for windows of up to an hour.
        Minute => "1m",
        /// The same, for longer windows.
        Hour => "1h",
        /// Of BINs, for windows of up to an hour.
        FiveMinutes => "5m",
        /// Of BINs, for longer windows.
        ThreeHours => "3h",
    }
}

impl BucketLength {
    /// The length itself.
    pub fn duration(self) -> Duration {
        const MINUTE: u64 = 60;
        Duration::from_secs(match self {
            Self::Minute => MINUTE,
            Self::FiveMinutes => 5 * MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::ThreeHours => 180 * MINUTE,
        })
    }

    /// The number of the bucket of a moment. Buckets are numbered from 1970 on.
    pub fn number(self, at: Timestamp) -> i64 {
        let micros = i64::try_from(self.duration().as_micros()).unwrap_or(i64::MAX);
        at.0.div_euclid(micros)
    }

    /// The end of the bucket of a moment.
    pub fn end(self, at: Timestamp) -> Timestamp {
        let micros = i64::try_from(self.duration().as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.number(at).saturating_add(1).saturating_mul(micros))
    }

    /// The number of the first bucket that counts within a window to `now`: the one in which the window begins.
    pub fn first_of(self, window: Duration, now: Timestamp) -> i64 {
        self.number(now.before(window))
    }
}

/// Attempts and the sum of their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub attempts: i64,
    /// The sum, in minor units of the base currency.
    pub amount: i64,
}

/// The buckets of one length that are not empty, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets(Vec<Bucket>);

/// A bucket: its number, its attempts, and their amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket(i64, i64, i64);

impl Buckets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts an attempt in the bucket `number`, and forgets the buckets before `first`.
    pub fn add(&mut self, number: i64, amount: i64, first: i64) {
        self.0.retain(|bucket| bucket.0 >= first);
        match self.0.binary_search_by_key(&number, |bucket| bucket.0) {
            Ok(place) => {
                let bucket = &mut self.0[place];
                bucket.1 = bucket.1.saturating_add(1);
                bucket.2 = bucket.2.saturating_add(amount);
            }
            Err(place) => self.0.insert(place, Bucket(number, 1, amount)),
        }
    }

    /// Takes back an attempt that was counted in the bucket `number`, if that is there still.
    pub fn take_back(&mut self, number: i64, amount: i64) {
        if let Ok(place) = self.0.binary_search_by_key(&number, |bucket| bucket.0) {
            let bucket = &mut self.0[place];
            bucket.1 = bucket.1.saturating_sub(1);
            bucket.2 = bucket.2.saturating_sub(amount);
        }
        self.0.retain(|bucket| bucket.1 > 0);
    }

    /// The attempts from the bucket `first` on.
    pub fn since(&self, first: i64) -> Tally {
        let counted = self.0.iter().filter(|bucket| bucket.0 >= first);
        counted.fold(Tally::default(), |sum, bucket| Tally {
            attempts: sum.attempts.saturating_add(bucket.1),
            amount: sum.amount.saturating_add(bucket.2),
        })
    }
}
