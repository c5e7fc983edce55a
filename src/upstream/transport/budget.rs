//! The budget of calls: no minute, wherever it begins, sees more of them leave than Corefy allows.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// The longest a call waits for its turn; what would take longer is refused.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One part in this many of a minute's calls may leave at once; the rest is spread over the minute.
const BURST_SHARE: u32 = 10;

const MINUTE_NANOS: u64 = 60_000_000_000;

/// Lets calls through, at most so many in any minute.
#[derive(Debug)]
pub struct Budget<C: Clock = DefaultClock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>,
    clock: C,
}

impl<C: Clock + Clone> Budget<C> {
    /// A budget of `per_minute` calls; 0 counts as 1.
    pub fn new(per_minute: u32, clock: C) -> Self {
        let limiter = RateLimiter::direct_with_clock(quota(per_minute), clock.clone());
        Self { limiter: limiter.with_middleware(), clock }
    }

    /// Waits for the turn of one call; answers how many more could leave at once. The error is the time until there may
    /// be room again.
    pub async fn acquire(&self) -> Result<u32, Duration> {
        let started = Instant::now();
        loop {
            match self.try_acquire() {
                Err(wait) if started.elapsed() + wait > LONGEST_WAIT => return Err(wait),
                Err(wait) => tokio::time::sleep(wait).await,
                taken => return taken,
            }
        }
    }

    /// Takes the turn of one call now, as [`Self::acquire`] does.
    fn try_acquire(&self) -> Result<u32, Duration> {
        let taken = self.limiter.check().map(|state| state.remaining_burst_capacity());
        taken.map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

/// With a burst of `b` and one more call every `t`, the call after `n` others leaves no sooner than `(n + 1 - b) * t`
/// after the first, so that 60 s with both ends hold at most `b + floor(60 s / t)`. Let `b` be a share of the limit and
/// `rest = limit - b`: any `t > 60 s / (rest + 1)` makes `floor(60 s / t) <= rest`, and the sum at most the limit.
fn quota(per_minute: u32) -> Quota {
    let limit = per_minute.max(1);
    let burst = NonZeroU32::new(limit / BURST_SHARE).unwrap_or(NonZeroU32::MIN);
    let rest = limit - burst.get();
    let interval = Duration::from_nanos(MINUTE_NANOS / (u64::from(rest) + 1) + 1);
    Quota::with_period(interval).expect("the interval is at least 1 ns").allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// When calls leave, if another is tried after each of `pauses`.
    fn departures(per_minute: u32, pauses: impl IntoIterator<Item = Duration>) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let budget = Budget::new(per_minute, clock.clone());
        let mut now = Duration::ZERO;
        let mut left = Vec::new();
        for pause in pauses {
            clock.advance(pause);
            now += pause;
            if budget.try_acquire().is_ok() {
                left.push(now);
            }
        }
        left
    }

    /// The most that left within 60 s, both ends included.
    fn busiest_minute(left: &[Duration]) -> usize {
        (0..left.len()).map(|i| left[i..].iter().take_while(|at| **at - left[i] <= MINUTE).count()).max().unwrap_or(0)
    }

    #[test]
    fn no_minute_sees_more_calls_than_allowed_and_few_less() {
        for per_minute in [0, 1, 2, 3, 7, 10, 11, 59, 60, 61, 100, 600] {
            let left = departures(per_minute, vec![Duration::from_millis(10); 30_000]);
            let most = busiest_minute(&left);
            let limit = per_minute.max(1) as usize;
            assert!(most <= limit, "{most} of {limit}");
            assert!(most * 10 >= limit * 9, "{most} of {limit} is too few");
        }
    }

    #[test]
    fn a_refusal_tells_when_there_is_room_again() {
        let clock = FakeRelativeClock::default();
        let budget = Budget::new(1, clock.clone());
        assert_eq!(budget.try_acquire(), Ok(0));
        let wait = budget.try_acquire().unwrap_err();
        assert!(wait > MINUTE && wait < MINUTE + Duration::from_millis(1), "{wait:?}");
        clock.advance(wait);
        assert_eq!(budget.try_acquire(), Ok(0));
    }

    #[tokio::test]
    async fn a_call_waits_for_a_turn_that_is_near_and_not_for_one_that_is_far() {
        let brisk = Budget::new(1200, DefaultClock::default());
        while brisk.try_acquire().is_ok() {}
        assert_eq!(brisk.acquire().await, Ok(0));
        let slow = Budget::new(2, DefaultClock::default());
        assert_eq!(slow.acquire().await, Ok(0));
        assert!(slow.acquire().await.unwrap_err() > LONGEST_WAIT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn however_the_calls_come_no_minute_sees_more_than_allowed(
            per_minute in 1_u32..150,
            pauses in prop::collection::vec(prop_oneof![5 => 0_u64..50, 4 => 50_u64..3_000, 1 => 3_000_u64..90_000], 1..2_000),
        ) {
            let left = departures(per_minute, pauses.into_iter().map(Duration::from_millis));
            prop_assert!(busiest_minute(&left) <= per_minute as usize);
        }
    }
}
