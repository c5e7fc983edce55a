//! The answer of Corefy's that is kept for a minute, so that it is asked once, however many callers ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::{future::Cache, policy::EvictionPolicy};

use crate::{
    domain::{clock::Timestamp, payment_method::SupportedPaymentMethod},
    upstream::{self, Scheduling, Upstream},
};

/// How long an answer of Corefy's is kept.
const KEPT: Duration = Duration::from_secs(60);

/// The last answer, and the time from which it is kept.
pub(in crate::app) struct SupportedCache {
    since: AtomicI64,
    /// Answers by that time; all but the newest are of no use.
    answers: Cache<i64, Arc<Vec<SupportedPaymentMethod>>>,
}

impl SupportedCache {
    pub(in crate::app) fn new() -> Self {
        // The oldest goes first: moka's usual rule would not let a newcomer in.
        let answers = Cache::builder().max_capacity(1).eviction_policy(EvictionPolicy::lru());
        Self { since: AtomicI64::default(), answers: answers.build() }
    }

    /// The time from which an answer for `now` is kept. A clock that was turned back must not make it live longer.
    /// The answer that is kept at `now`, or else a new one.
    pub(super) async fn get(
        &self,
        upstream: &dyn Upstream,
        scheduling: Scheduling,
        now: Timestamp,
    ) -> Result<Arc<Vec<SupportedPaymentMethod>>, Arc<upstream::Error>> {
        let asked = async { upstream.supported_payment_methods(scheduling).await.map(Arc::new) };
        self.answers.try_get_with(self.since(now), asked).await
    }

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
