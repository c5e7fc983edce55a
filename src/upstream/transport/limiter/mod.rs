//! The rate limiter: in no 60 seconds, wherever they begin, do more calls leave than Corefy allows, and all callers get
//! a fair share of them.
//!
//! A call that finds a token at hand takes it and goes. When few or none are left, a task leases more from the
//! [`TokenSource`] until no call waits.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout_at};

mod leased_tokens;
mod queue;
mod state;
mod token_source;
mod wait_estimate;

use state::{Acquisition, LimiterState, TokenResult};
pub use token_source::{LocalTokens, TokenSource};

use crate::{
    domain::{
        ids::PartnerId,
        quota::{Bucket, Quota},
    },
    task,
    upstream::Scheduling,
};

/// The longest a call waits for a token; a call that would wait longer is refused.
pub const MAX_WAIT: Duration = Duration::from_secs(5);

/// Lets calls through, up to a limit in any minute.
pub struct RateLimiter(Arc<LimiterInner>);

struct LimiterInner {
    state: Mutex<LimiterState>,
    source: Arc<dyn TokenSource>,
    common: Quota,
    recovery: Option<Quota>,
}

impl RateLimiter {
    /// Allows `per_minute` calls a minute, of which 0 counts as 1, with tokens from `source`.
    pub fn new(per_minute: u32, source: Arc<dyn TokenSource>) -> Self {
        let (common, recovery) = (Quota::common(per_minute), Quota::recovery(per_minute));
        let state = Mutex::new(LimiterState::new(recovery.is_some(), Instant::now()));
        Self(Arc::new(LimiterInner { state, source, common, recovery }))
    }

    /// Waits for a token; returns how many are left. The error is the time until there may be one, and comes as soon as
    /// it is clear that the wait would be too long.
    pub async fn acquire(&self, scheduling: Scheduling, partner: Option<&PartnerId>) -> TokenResult {
        let now = Instant::now();
        let longest = now + MAX_WAIT;
        let give_up = scheduling.deadline.map_or(longest, |deadline| deadline.min(longest));
        let (entry, needs_refill) = {
            let mut state = self.0.state();
            (state.acquire(scheduling, partner, give_up, now), state.needs_refill(now))
        };
        if needs_refill {
            task::spawn("refill of the rate limiter", refill(self.0.clone()));
        }
        match entry {
            Acquisition::Decided(reply) => reply,
            Acquisition::Queued(reply) => match timeout_at(give_up, reply).await {
                Ok(Ok(reply)) => reply,
                _ => Err(self.0.state().estimated_wait(Instant::now())),
            },
        }
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimiter").field(&self.0.state).finish()
    }
}

impl LimiterInner {
    fn state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets another task refill the limiter if this one panics.
struct RefillGuard(Arc<LimiterInner>);

impl Drop for RefillGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().refill_aborted();
        }
    }
}

/// Leases tokens until no call waits for one.
async fn refill(shared: Arc<LimiterInner>) {
    let guard = RefillGuard(shared);
    let shared = &guard.0;
    loop {
        if let Err(error) = lease_tokens(shared).await {
            tracing::warn!(%error, "no calls to Corefy could be leased from the shared rate limit; waiting calls may be refused");
            shared.state().refill_failed(Instant::now());
        }
        let next_refill = shared.state().next_refill(Instant::now());
        match next_refill {
            Some(next_refill) => sleep(next_refill).await,
            None => return,
        }
    }
}

/// Leases once, and hands out the tokens.
async fn lease_tokens(shared: &LimiterInner) -> Result<(), Box<dyn Error + Send + Sync>> {
    let asked_at = Instant::now();
    let demand = shared.state().demand(asked_at);
    let lease = shared.source.lease(Bucket::Common, shared.common, demand).await?;
    shared.state().refill(lease, asked_at, Instant::now());
    let asked_at = Instant::now();
    let demand = shared.state().recovery_demand();
    if let (Some(quota), Some(demand)) = (shared.recovery, demand) {
        let lease = shared.source.lease(Bucket::Recovery, quota, demand).await?;
        shared.state().refill_recovery(lease, asked_at, Instant::now());
    }
    Ok(())
}
