//! Leases the tokens of the rate limit, which the gateways on one database share.

use std::{
    error::Error,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    domain::{
        ids::Ids,
        quota::{Bucket, Demand, Lease, Quota},
    },
    store::Store,
    upstream::transport::TokenSource,
};

/// Leases by the database's count.
struct SharedTokens {
    store: Store,
    /// This process among the gateways.
    gateway: String,
}

/// The source for the gateways on `store`. `None`: only one gateway uses it, which needs no shared source.
pub fn for_store(store: &Store, ids: &Ids) -> Option<Arc<dyn TokenSource>> {
    let gateway = ids.uuid().to_string();
    store.is_shared().then(|| Arc::new(SharedTokens { store: store.clone(), gateway }) as Arc<dyn TokenSource>)
}

/// The share of the rate limit that a command takes beside a gateway with which it does not share one, one of this many.
const SHARE_OF_A_COMMAND: u32 = 10;
/// How long what is only to use spare tokens waits at most for one, so that it gets on whatever the others need.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The least pause before it asks for more, when it got fewer than it needs.
const PAUSE: Duration = Duration::from_millis(100);

/// The source for a command that runs beside the gateways on `store`: what these leave. `None`: they do not share one, and the command
/// may send as many calls a minute as [`beside_a_gateway`] says.
pub fn spare_for_store(store: &Store, ids: &Ids) -> Option<Arc<dyn TokenSource>> {
    for_store(store, ids).map(|source| Arc::new(SpareTokens::of(source)) as Arc<dyn TokenSource>)
}

/// The part of the limit that a command takes beside a gateway that does not know of it.
pub fn beside_a_gateway(per_minute: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(per_minute.get() / SHARE_OF_A_COMMAND).unwrap_or(NonZeroU32::MIN)
}

/// Leases what the others leave: a part of what is free, ahead of no need of theirs, and one now and then where nothing is free.
struct SpareTokens {
    source: Arc<dyn TokenSource>,
    served_at: Mutex<Instant>,
}

impl SpareTokens {
    fn of(source: Arc<dyn TokenSource>) -> Self {
        Self { source, served_at: Mutex::new(Instant::now()) }
    }

    fn served_at(&self) -> MutexGuard<'_, Instant> {
        self.served_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenSource for SpareTokens {
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        if bucket == Bucket::Recovery {
            return self.source.lease(bucket, quota, demand).await;
        }
        let has_waited = self.served_at().elapsed() >= LONGEST_WAIT;
        let waiting = if has_waited { demand.waiting.min(1) } else { 0 };
        let spare = Demand { waiting, ahead: demand.waiting.saturating_add(demand.ahead) };
        let lease = self.source.lease(bucket, quota, spare).await?;
        if lease.granted > 0 {
            *self.served_at() = Instant::now();
        }
        let next_in = if lease.granted < demand.waiting { lease.next_in.max(PAUSE) } else { lease.next_in };
        Ok(Lease { next_in, ..lease })
    }
}

#[async_trait]
impl TokenSource for SharedTokens {
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        Ok(self.store.lease_tokens(bucket, quota, &self.gateway, demand).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Timestamp,
        quota::{PeerGateway, Peers},
    };

    /// A limit that the command shares with a gateway, which leases just before it does and always has `waiting` calls.
    struct Shared {
        waiting: u32,
        began: Instant,
        taken_until: Mutex<Timestamp>,
        /// The command as the gateway knows it, and the reverse.
        peers: Mutex<[PeerGateway; 2]>,
    }

    #[async_trait]
    impl TokenSource for Shared {
        async fn lease(&self, _: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
            let now = Timestamp(1_000_000_000) + self.began.elapsed();
            let (mut taken_until, mut peers) = (self.taken_until.lock().unwrap(), self.peers.lock().unwrap());
            let mut lease = |who: usize, demand: Demand| {
                let others: Vec<_> = Some(peers[1 - who]).filter(|other| other.waiting > 0).into_iter().collect();
                let known = Peers { served_at: peers[who].served_at, others };
                let lease = quota.lease(&mut taken_until, now, demand, &known);
                let served_at = if lease.granted > 0 { now } else { peers[who].served_at };
                peers[who] = PeerGateway { waiting: demand.waiting.saturating_sub(lease.granted), served_at };
                lease
            };
            if self.waiting > 0 {
                lease(0, Demand { waiting: self.waiting, ahead: 0 });
            }
            Ok(lease(1, demand))
        }
    }

    /// How many of 600 calls a minute a command gets in a minute in which the gateway always has `waiting` calls.
    async fn calls_in_a_minute(waiting: u32) -> u32 {
        let nobody = PeerGateway { waiting: 0, served_at: Timestamp::default() };
        let shared =
            Shared { waiting, began: Instant::now(), taken_until: Mutex::default(), peers: Mutex::new([nobody; 2]) };
        let source = SpareTokens::of(Arc::new(shared));
        let (end, mut calls) = (Instant::now() + Duration::from_secs(60), 0);
        while Instant::now() < end {
            let lease =
                source.lease(Bucket::Common, Quota::common(600), Demand { waiting: 8, ahead: 0 }).await.unwrap();
            calls += lease.granted;
            tokio::time::advance(lease.next_in.max(Duration::from_millis(25))).await;
        }
        calls
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_has_most_of_the_limit_where_nobody_else_calls() {
        let calls = calls_in_a_minute(0).await;
        assert!((450..=570).contains(&calls), "{calls}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_gets_a_call_now_and_then_where_gateways_need_all_there_is() {
        let calls = calls_in_a_minute(1000).await;
        assert!((20..=35).contains(&calls), "{calls}");
    }
}
