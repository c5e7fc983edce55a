//! The budget of calls: no minute, wherever it begins, sees more of them leave than Corefy allows, and those who want to
//! call share them fairly.
//!
//! A call that finds one ready takes it and goes. Where none is ready, or few are, a task asks the [`TokenSource`] for more
//! until nobody waits.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout_at};

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
    upstream::Scheduling,
};

/// The longest a call waits for its turn; what would take longer is refused.
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
    /// A budget of `per_minute` calls, of which 0 counts as 1, that `source` lends.
    pub fn new(per_minute: u32, source: Arc<dyn TokenSource>) -> Self {
        let (common, recovery) = (Quota::common(per_minute), Quota::recovery(per_minute));
        let state = Mutex::new(LimiterState::new(recovery.is_some(), Instant::now()));
        Self(Arc::new(LimiterInner { state, source, common, recovery }))
    }

    /// Waits for the turn of one call; answers how many more could leave at once. The error, which comes as soon as it can
    /// be foreseen, is the time until there may be room again.
    pub async fn acquire(&self, scheduling: Scheduling, partner: Option<&PartnerId>) -> TokenResult {
        let now = Instant::now();
        let longest = now + MAX_WAIT;
        let give_up = scheduling.deadline.map_or(longest, |deadline| deadline.min(longest));
        let (entry, needs_refill) = {
            let mut state = self.0.state();
            (state.acquire(scheduling, partner, give_up, now), state.needs_refill(now))
        };
        if needs_refill {
            tokio::spawn(refill(self.0.clone()));
        }
        match entry {
            Acquisition::Decided(reply) => reply,
            Acquisition::Queued(reply) => match timeout_at(give_up.into(), reply).await {
                Ok(Ok(reply)) => reply,
                _ => Err(self.0.state().estimated_wait(Instant::now())),
            },
        }
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.0.state).finish()
    }
}

impl LimiterInner {
    fn state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets another task supply the desk if this one fails.
struct RefillGuard(Arc<LimiterInner>);

impl Drop for RefillGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().refill_aborted();
        }
    }
}

/// Asks for calls until nobody waits for one.
async fn refill(shared: Arc<LimiterInner>) {
    let guard = RefillGuard(shared);
    let shared = &guard.0;
    loop {
        if let Err(error) = lease_tokens(shared).await {
            tracing::warn!(%error, "no calls to Corefy could be leased from the shared budget; waiting calls may be refused");
            shared.state().refill_failed(Instant::now());
        }
        let next_refill = shared.state().next_refill(Instant::now());
        match next_refill {
            Some(next_refill) => sleep(next_refill).await,
            None => return,
        }
    }
}

/// Asks once, and hands out what was lent.
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
