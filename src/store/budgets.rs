//! The tables of the rate limit of calls to Corefy and of the gateways that share it.
//!
//! Time is the database's, which is one for all: by its own clock, one gateway would see as free what another has
//! taken. It is read once the bucket's row is locked, so that it never goes back from one lease to the next.

use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};

use super::{
    Dialect, Error, Store,
    columns::{get, time},
    upkeep::in_time,
};
use crate::domain::{
    clock::Timestamp,
    quota::{Bucket, Demand, Lease, PeerGateway, Peers, Quota},
};

/// How long a gateway counts as one with calls waiting: somewhat longer than it pauses between two leases.
const DEMAND_LIFETIME: Duration = Duration::from_secs(2);

/// A gateway is removed once it has not leased for this long.
const FORGET_AFTER: Duration = Duration::from_secs(60);

impl Store {
    /// Whether other processes may be at the database.
    pub fn is_shared(&self) -> bool {
        !self.shared.dialect.has_one_writer()
    }
}

impl Store {
    /// Leases tokens of `quota` from `bucket` to `gateway`, which leaves its peers their share.
    pub async fn lease_tokens(
        &self,
        bucket: Bucket,
        quota: Quota,
        gateway: &str,
        demand: Demand,
    ) -> Result<Lease, Error> {
        let mut on = self.upkeep().await?;
        let leasing = lease(on.connection(), self.shared.dialect, (bucket, quota), (gateway, demand));
        let leased = in_time(self.shared.pace.keep(leasing)).await;
        on.end(leased).await
    }
}

async fn lease(
    on: &mut AnyConnection,
    dialect: Dialect,
    (bucket, quota): (Bucket, Quota),
    (gateway, demand): (&str, Demand),
) -> Result<Lease, Error> {
    let mut tx = on.begin_with(dialect.beginning()).await?;
    let sql = dialect.locking("SELECT taken_until FROM budgets WHERE purse = $1");
    let row = sqlx::query(sql).bind(bucket.as_str()).fetch_one(&mut *tx).await?;
    let mut taken_until = time(&row, "taken_until")?;
    let row = sqlx::query(dialect.clock()).fetch_one(&mut *tx).await?;
    let now = time(&row, "now")?;
    let peers = peers(&mut tx, bucket, gateway, now).await?;
    let lease = quota.lease(&mut taken_until, now, demand, &peers);
    let query = sqlx::query("UPDATE budgets SET taken_until = $2 WHERE purse = $1");
    query.bind(bucket.as_str()).bind(taken_until.0).execute(&mut *tx).await?;
    let waiting = i64::from(demand.waiting.saturating_sub(lease.granted));
    let served_at = if lease.granted > 0 { now } else { peers.served_at };
    note_demand(&mut tx, (bucket, gateway), waiting, served_at, now).await?;
    tx.commit().await?;
    Ok(lease)
}

/// The other gateways with calls waiting.
async fn peers(on: &mut AnyConnection, bucket: Bucket, gateway: &str, now: Timestamp) -> Result<Peers, Error> {
    let sql = "SELECT * FROM budget_gateways WHERE purse = $1";
    let mut peers = Peers::default();
    let mut has_stale = false;
    for row in sqlx::query(sql).bind(bucket.as_str()).fetch_all(&mut *on).await? {
        let (served_at, asked_at) = (time(&row, "served_at")?, time(&row, "asked_at")?);
        // The database's clock is one for all: a time in the future is from before that clock was set back.
        let age = if now < asked_at { DEMAND_LIFETIME } else { now.since(asked_at) };
        let waiting = u32::try_from(get::<i64>(&row, "waiting")?).unwrap_or(u32::MAX);
        if get::<String>(&row, "gateway")? == gateway {
            peers.served_at = served_at;
        } else if waiting > 0 && age < DEMAND_LIFETIME {
            peers.others.push(PeerGateway { waiting, served_at });
        }
        has_stale |= age > FORGET_AFTER;
    }
    if has_stale {
        let query = sqlx::query("DELETE FROM budget_gateways WHERE asked_at < $1");
        query.bind(now.before(FORGET_AFTER).0).execute(on).await?;
    }
    Ok(peers)
}

async fn note_demand(
    on: &mut AnyConnection,
    (bucket, gateway): (Bucket, &str),
    waiting: i64,
    served_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO budget_gateways (purse, gateway, waiting, served_at, asked_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (purse, gateway) DO UPDATE
         SET waiting = excluded.waiting, served_at = excluded.served_at, asked_at = excluded.asked_at";
    let query = sqlx::query(sql).bind(bucket.as_str()).bind(gateway).bind(waiting);
    query.bind(served_at.0).bind(now.0).execute(on).await?;
    Ok(())
}
