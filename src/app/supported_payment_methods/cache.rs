//! The answers of Corefy's that are kept for a minute, so that each is asked for once, however many callers ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::{future::Cache, policy::EvictionPolicy};

use crate::{
    domain::{clock::Timestamp, money::Money, payment_method::SupportedPaymentMethod},
    upstream::{self, Scheduling, Upstream},
};

/// How long an answer of Corefy's is kept.
const KEPT: Duration = Duration::from_secs(60);
/// Answers that are kept, each for another amount; of more, the one that was used last goes first.
const MOST_KEPT: u64 = 1000;

/// The answers of a minute, and the time from which they are kept.
pub(in crate::app) struct SupportedCache {
    since: AtomicI64,
    /// Answers by that time and by amount; those of an earlier time are of no use.
    answers: Cache<(i64, Option<Money>), Arc<Vec<SupportedPaymentMethod>>>,
}

impl SupportedCache {
    pub(in crate::app) fn new() -> Self {
        // The oldest goes first: moka's usual rule would not let a newcomer in.
        let answers = Cache::builder().max_capacity(MOST_KEPT).eviction_policy(EvictionPolicy::lru());
        Self { since: AtomicI64::default(), answers: answers.build() }
    }

    /// The answer for `amount`, or for any, that is kept at `now`, or else a new one.
    pub(super) async fn get(
        &self,
        upstream: &dyn Upstream,
        amount: Option<Money>,
        scheduling: Scheduling,
        now: Timestamp,
    ) -> Result<Arc<Vec<SupportedPaymentMethod>>, Arc<upstream::Error>> {
        let asked = async { upstream.supported_payment_methods(amount, scheduling).await.map(Arc::new) };
        self.answers.try_get_with((self.since(now), amount), asked).await
    }

    /// The time from which an answer for `now` is kept. A clock that was turned back must not make it live longer.
    fn since(&self, now: Timestamp) -> i64 {
        let renew = |since| {
            let is_fresh = Timestamp(since) <= now && now.since(Timestamp(since)) < KEPT;
            (!is_fresh).then_some(now.0)
        };
        match self.since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, renew) {
            Ok(_) => now.0,
            Err(since) => since,
        }
    }
}
