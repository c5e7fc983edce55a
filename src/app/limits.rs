//! How much a caller may ask in a minute: calls of a key, and failed attempts of an address to show one. Counted by each
//! gateway for itself, in memory.

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::{future::Cache, policy::EvictionPolicy};

use crate::{
    domain::{clock::Timestamp, network},
    error::{Error, Reason},
};

/// The time in which is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// How many keys are counted; the one that called the longest ago is forgotten first.
const COUNTED_KEYS: u64 = 10_000;
/// How many addresses are counted.
const COUNTED_ADDRESSES: u64 = 10_000;
/// Refused keys within a minute after which an address is answered without a look at the database.
const AUTH_FAILURES_PER_MINUTE: u32 = 30;

/// The calls that count against limits.
pub(super) struct Limits {
    /// `None`: keys have no limit.
    calls: Option<PerMinute<String>>,
    auth_failures: PerMinute<IpAddr>,
}

impl Limits {
    /// With this limit of calls a minute for each key; `None`: no limit.
    pub(super) fn new(key_rate_per_minute: Option<NonZeroU32>) -> Self {
        Self {
            calls: key_rate_per_minute.map(|limit| PerMinute::new(limit.get(), COUNTED_KEYS)),
            auth_failures: PerMinute::new(AUTH_FAILURES_PER_MINUTE, COUNTED_ADDRESSES),
        }
    }

    /// Counts a call of the key, or refuses it.
    pub(super) async fn take_call(&self, key_id: &str, now: Timestamp) -> Result<(), Error> {
        let Some(calls) = &self.calls else { return Ok(()) };
        calls.take(key_id.to_owned(), now).await.map_err(|wait| {
            let message = format!("the key has made its {} calls of this minute; this call sent nothing", calls.limit);
            Error::new(Reason::KeyRateLimited, message).retry_after(wait)
        })
    }

    /// Refuses an address that has shown too many wrong keys.
    pub(super) async fn check_address(&self, address: IpAddr, now: Timestamp) -> Result<(), Error> {
        self.auth_failures.check(&network::of_customer(address), now).await.map_err(|wait| {
            let message = "too many API keys from this address were not accepted; this call sent nothing";
            Error::new(Reason::AuthFailuresLimited, message).retry_after(wait)
        })
    }

    /// Counts a wrong key of an address.
    pub(super) async fn note_auth_failure(&self, address: IpAddr, now: Timestamp) {
        // Over the limit there is nothing left to count.
        let _ = self.auth_failures.take(network::of_customer(address), now).await;
    }
}

/// Counts by `K`, up to a limit in each minute. The minute of each begins with the first that is counted.
struct PerMinute<K> {
    limit: u32,
    windows: Cache<K, Arc<Mutex<Window>>>,
}

/// A minute of one `K`.
struct Window {
    began: Timestamp,
    count: u32,
}

impl<K: Hash + Eq + Send + Sync + 'static> PerMinute<K> {
    fn new(limit: u32, capacity: u64) -> Self {
        // The oldest entry goes first: moka's usual rule would not let newcomers in.
        let windows = Cache::builder().max_capacity(capacity).eviction_policy(EvictionPolicy::lru());
        Self { limit, windows: windows.build() }
    }

    /// Counts one more. The error is the time until there is room again.
    async fn take(&self, whose: K, now: Timestamp) -> Result<(), Duration> {
        let made = async { Arc::new(Mutex::new(Window { began: now, count: 0 })) };
        let window = self.windows.get_with(whose, made).await;
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        window.begin_anew_when_over(now);
        window.check(self.limit, now)?;
        window.count += 1;
        Ok(())
    }

    /// Whether one more would be counted. The error is the time until then.
    async fn check(&self, whose: &K, now: Timestamp) -> Result<(), Duration> {
        let Some(window) = self.windows.get(whose).await else { return Ok(()) };
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        window.begin_anew_when_over(now);
        window.check(self.limit, now)
    }
}

impl Window {
    fn begin_anew_when_over(&mut self, now: Timestamp) {
        // A clock that was turned back must not make the minute longer.
        if now < self.began || now.since(self.began) >= WINDOW {
            *self = Self { began: now, count: 0 };
        }
    }

    fn check(&self, limit: u32, now: Timestamp) -> Result<(), Duration> {
        if self.count < limit { Ok(()) } else { Err(WINDOW.saturating_sub(now.since(self.began))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_795_428_000_000_000);

    fn after(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_minute_has_its_calls_and_the_refusal_says_when_the_next_begins() {
        let calls = PerMinute::new(2, 10);
        assert_eq!(calls.take("key", after(0)).await, Ok(()));
        assert_eq!(calls.take("key", after(20)).await, Ok(()));
        assert_eq!(calls.take("key", after(20)).await, Err(Duration::from_secs(40)));
        assert_eq!(calls.check(&"key", after(59)).await, Err(Duration::from_secs(1)));
        assert_eq!(calls.take("other", after(59)).await, Ok(()));
        assert_eq!(calls.take("key", after(60)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_clock_that_is_turned_back_makes_no_minute_longer() {
        let calls = PerMinute::new(1, 10);
        assert_eq!(calls.take("key", after(3600)).await, Ok(()));
        assert_eq!(calls.take("key", after(0)).await, Ok(()));
        assert_eq!(calls.take("key", after(1)).await, Err(Duration::from_secs(59)));
    }

    #[tokio::test]
    async fn no_more_are_counted_than_there_is_room_for() {
        let failures = PerMinute::new(1, 10);
        for address in 0..1000 {
            assert_eq!(failures.take(address, START).await, Ok(()));
        }
        failures.windows.run_pending_tasks().await;
        assert!(failures.windows.entry_count() <= 10, "{}", failures.windows.entry_count());
        assert!(failures.check(&999, START).await.is_err(), "the last one is still known");
    }
}
