//! Where the budget's calls come from: a quota of the process's own, or one that gateways share.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;

use crate::domain::{
    clock::Timestamp,
    quota::{Ask, Lease, Purse, Quota, Rivals},
};

/// Lends calls, to be made within [`crate::domain::quota::LEASE`].
#[async_trait]
pub trait Lender: Send + Sync + 'static {
    /// Lends what `quota` has in `purse`. The error says for the log why nothing could be asked.
    async fn lend(&self, purse: Purse, quota: Quota, ask: Ask) -> Result<Lease, Box<dyn Error + Send + Sync>>;
}

/// Lends to this process alone, and forgets with it what it lent.
#[derive(Debug)]
pub struct Own {
    began: Instant,
    taken_until: Mutex<[Timestamp; 2]>,
}

impl Default for Own {
    fn default() -> Self {
        Self { began: Instant::now(), taken_until: Mutex::default() }
    }
}

#[async_trait]
impl Lender for Own {
    async fn lend(&self, purse: Purse, quota: Quota, ask: Ask) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        // Not the time of day, which can be set.
        let now = Timestamp::default() + self.began.elapsed();
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(quota.lend(&mut taken_until[purse as usize], now, ask, &Rivals::default()))
    }
}
