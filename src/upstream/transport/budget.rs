//! The budget of calls: no minute, wherever it begins, sees more of them leave than Corefy allows, and those who want to
//! call share them fairly.
//!
//! A call that finds one ready takes it and goes. Where none is ready, or few are, a task asks the [`Lender`] for more
//! until nobody waits.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout_at};

use super::{
    desk::{Answer, Desk, Entry},
    lender::Lender,
};
use crate::{
    domain::{
        ids::PartnerId,
        quota::{Purse, Quota},
    },
    upstream::Turn,
};

/// The longest a call waits for its turn; what would take longer is refused.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Lets calls through, up to a limit in any minute.
pub struct Budget(Arc<Shared>);

struct Shared {
    desk: Mutex<Desk>,
    lender: Arc<dyn Lender>,
    common: Quota,
    lookups: Option<Quota>,
}

impl Budget {
    /// A budget of `per_minute` calls, of which 0 counts as 1, that `lender` lends.
    pub fn new(per_minute: u32, lender: Arc<dyn Lender>) -> Self {
        let (common, lookups) = (Quota::common(per_minute), Quota::lookups(per_minute));
        let desk = Mutex::new(Desk::new(lookups.is_some(), Instant::now()));
        Self(Arc::new(Shared { desk, lender, common, lookups }))
    }

    /// Waits for the turn of one call; answers how many more could leave at once. The error, which comes as soon as it can
    /// be foreseen, is the time until there may be room again.
    pub async fn acquire(&self, turn: Turn, partner: Option<&PartnerId>) -> Answer {
        let now = Instant::now();
        let longest = now + LONGEST_WAIT;
        let give_up = turn.deadline.map_or(longest, |deadline| deadline.min(longest));
        let (entry, must_be_supplied) = {
            let mut desk = self.0.desk();
            (desk.enter(turn, partner, give_up, now), desk.must_be_supplied(now))
        };
        if must_be_supplied {
            tokio::spawn(supply(self.0.clone()));
        }
        match entry {
            Entry::Answered(answer) => answer,
            Entry::Waiting(answer) => match timeout_at(give_up.into(), answer).await {
                Ok(Ok(answer)) => answer,
                _ => Err(self.0.desk().longest_wait(Instant::now())),
            },
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.0.desk).finish()
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets another task supply the desk if this one fails.
struct Supplier(Arc<Shared>);

impl Drop for Supplier {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.desk().is_left_alone();
        }
    }
}

/// Asks for calls until nobody waits for one.
async fn supply(shared: Arc<Shared>) {
    let supplier = Supplier(shared);
    let shared = &supplier.0;
    loop {
        if let Err(error) = borrow(shared).await {
            tracing::warn!(%error, "no calls to Corefy could be leased from the shared budget; waiting calls may be refused");
            shared.desk().supply_failed(Instant::now());
        }
        let pause = shared.desk().pause(Instant::now());
        match pause {
            Some(pause) => sleep(pause).await,
            None => return,
        }
    }
}

/// Asks once, and hands out what was lent.
async fn borrow(shared: &Shared) -> Result<(), Box<dyn Error + Send + Sync>> {
    let asked_at = Instant::now();
    let ask = shared.desk().ask(asked_at);
    let lease = shared.lender.lend(Purse::Common, shared.common, ask).await?;
    shared.desk().supply(lease, asked_at, Instant::now());
    let asked_at = Instant::now();
    let ask = shared.desk().ask_reserve();
    if let (Some(quota), Some(ask)) = (shared.lookups, ask) {
        let lease = shared.lender.lend(Purse::Lookups, quota, ask).await?;
        shared.desk().supply_lookups(lease, asked_at, Instant::now());
    }
    Ok(())
}
