//! The source of tokens: a quota of this process alone, or one that gateways share.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::{
    clock::Timestamp,
    quota::{Bucket, Demand, Lease, Peers, Quota},
};

/// Leases tokens, to be used within [`crate::domain::quota::LEASE`].
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// Leases what `quota` has left in `bucket`. The error is for the log.
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>>;
}

/// Leases to this process alone, and keeps the count in memory.
#[derive(Debug)]
pub struct LocalTokens {
    began: Instant,
    taken_until: Mutex<[Timestamp; 2]>,
}

impl Default for LocalTokens {
    fn default() -> Self {
        Self { began: Instant::now(), taken_until: Mutex::default() }
    }
}

#[async_trait]
impl TokenSource for LocalTokens {
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        // Not the time of day, which can be set.
        let now = Timestamp::default() + self.began.elapsed();
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(quota.lease(&mut taken_until[bucket as usize], now, demand, &Peers::default()))
    }
}
