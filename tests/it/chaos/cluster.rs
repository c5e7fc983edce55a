//! Two servers of PostgreSQL, of which one is the other's synchronous standby, behind one address.

use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::Signal;
use tokio::time::sleep;

use super::postgres_server::PostgresServer;
use crate::support::{database::TestDatabase, proxy::DatabaseProxy};

/// The name by which the primary knows its standby.
const STANDBY: &str = "standby";
/// How long what the servers do may take.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often a test looks whether it is done.
const LOOK: Duration = Duration::from_millis(50);

/// The two, and the proxy that leads to the primary.
pub struct Cluster {
    /// The server that takes writes.
    pub primary: PostgresServer,
    /// The way to it, which all clients go.
    pub proxy: DatabaseProxy,
    standby: PostgresServer,
}

impl Cluster {
    /// Starts both. `None`: PostgreSQL is not installed, and this is not CI.
    pub async fn start() -> Option<Self> {
        let mut primary = PostgresServer::new()?;
        primary.start().await;
        let proxy = DatabaseProxy::before(primary.address()).await;
        let standby = standby_of(&primary).await;
        let cluster = Self { primary, proxy, standby };
        cluster.wait_until_in_sync().await;
        Some(cluster)
    }

    /// The database on whichever is the primary.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::at(format!("postgres://postgres@{}/postgres", self.proxy.address))
    }

    /// Promotes the standby in the place of the primary, which dies before that or, as where a network is split, only afterwards.
    /// Until [`Self::complete`] there is no standby.
    pub async fn fail_over(&mut self, random: &mut Rng) {
        let dies_first = random.bool();
        if dies_first {
            self.primary.stop(Signal::QUIT).await;
        }
        self.standby.promote().await;
        self.proxy.lead_to(self.standby.address());
        if !dies_first {
            self.primary.stop(Signal::QUIT).await;
        }
        std::mem::swap(&mut self.primary, &mut self.standby);
    }

    /// Makes a new standby in the place of the server that failed.
    pub async fn complete(&mut self) {
        self.standby = standby_of(&self.primary).await;
        self.wait_until_in_sync().await;
    }

    /// Waits until whatever the primary has committed is on the standby: only then losing the primary loses nothing.
    pub async fn wait_until_in_sync(&self) {
        const IN_SYNC: &str = "SELECT COUNT(*) FROM pg_stat_replication
             WHERE sync_state = 'sync' AND flush_lsn >= pg_current_wal_flush_lsn()";
        let begun = Instant::now();
        while self.primary.number(IN_SYNC).await != Some(1) {
            assert!(begun.elapsed() < TIME_LIMIT, "the standby does not catch up: {}", self.standby.said());
            sleep(LOOK).await;
        }
    }

    /// Has the standby say nothing for `time`, so that no commit ends.
    pub async fn hang_standby(&self, time: Duration) {
        let receiver = self.standby.number("SELECT pid::bigint FROM pg_stat_wal_receiver").await;
        let Some(receiver) = receiver else { return };
        PostgresServer::signal(receiver, Signal::STOP);
        sleep(time).await;
        PostgresServer::signal(receiver, Signal::CONT);
    }
}

/// Copies the primary and starts the copy as its synchronous standby.
async fn standby_of(primary: &PostgresServer) -> PostgresServer {
    let mut standby = primary.copy(STANDBY);
    standby.start().await;
    for sql in [&format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'"), "SELECT pg_reload_conf()"] {
        primary.execute(sql).await.unwrap();
    }
    standby
}
