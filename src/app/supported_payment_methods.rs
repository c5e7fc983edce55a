//! The kinds of payment methods that the Corefy account accepts: asked for once a minute at most, however many callers ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::{future::Cache, policy::EvictionPolicy};

use super::{App, Caller};
use crate::{
    domain::{clock::Timestamp, money::Currency, payment_method::SupportedPaymentMethod},
    error::Error,
    upstream::{Priority, Scheduling},
};

/// How long an answer of Corefy's is kept.
const KEPT: Duration = Duration::from_secs(60);

/// The last answer, and the time from which it is kept.
pub(super) struct Supported {
    since: AtomicI64,
    /// Answers by that time; all but the newest are of no use.
    answers: Cache<i64, Arc<Vec<SupportedPaymentMethod>>>,
}

impl Supported {
    pub(super) fn new() -> Self {
        // The oldest goes first: moka's usual rule would not let a newcomer in.
        let answers = Cache::builder().max_capacity(1).eviction_policy(EvictionPolicy::lru());
        Self { since: AtomicI64::default(), answers: answers.build() }
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

impl App {
    /// Names the kinds of payment methods that the account accepts, as Corefy showed them within the last minute. Callers
    /// that ask at the same time wait for one answer; a failure is not kept.
    pub async fn list_supported_payment_methods(
        &self,
        caller: &Caller,
        currency: Option<Currency>,
    ) -> Result<Vec<SupportedPaymentMethod>, Error> {
        let scheduling = Scheduling::until(Priority::Read, caller.deadline);
        let asked = async { self.upstream.supported_payment_methods(scheduling).await.map(Arc::new) };
        let methods = self.supported.answers.try_get_with(self.supported.since(self.now()), asked).await?;
        let is_wanted = |method: &&SupportedPaymentMethod| {
            let currencies = &method.currencies;
            currency
                .is_none_or(|currency| currencies.is_empty() || currencies.iter().any(|code| code == currency.code()))
        };
        Ok(methods.iter().filter(is_wanted).cloned().collect())
    }
}
