//! The opening of the database.

use std::sync::Arc;

use sqlx::{Any, Pool};

use super::{
    Dialect, Error, Keyring, Store, StoreContext, address,
    batch_writer::BatchWriter,
    checkpointer::Checkpointer,
    dialect::give_back,
    hash_keys,
    lock_step::{Pace, StoreGate},
    pinned_connection::PinnedConnection,
    pooler,
    read_batcher::ReadBatcher,
    risk_bins,
    sqlite_writer::SqliteWriter,
};
use crate::{
    domain::{audit::AuditChain, hash_key::HashKey, ids::Ids, search_term::TermHasher},
    telemetry::Telemetry,
};

impl Store {
    /// Connects to the database at `url`, creates it if it is an SQLite file that does not exist, and migrates it.
    /// `connections` bounds the pool; events get `ids`.
    pub async fn open(url: &str, connections: u32, keys: Keyring, ids: Ids) -> Result<Self, Error> {
        Self::open_migrated(url, connections, Pace::Free, keys, ids).await
    }

    /// The same for a simulation, on SQLite: everything in the process waits while the database works, and while it is opened, so
    /// that a runtime with one thread sees no other; but for the `gate`, if there is one. A file in memory makes it quick.
    pub fn open_in_lock_step(
        url: &str,
        connections: u32,
        keys: Keyring,
        ids: Ids,
        gate: Option<Arc<dyn StoreGate>>,
    ) -> Result<Self, Error> {
        let opening = Self::open_migrated(url, connections, Pace::LockStep(gate), keys, ids);
        // As [`Pace::in_step`] does it.
        Pace::keep_now(tokio::task::unconstrained(opening))
    }

    async fn open_migrated(url: &str, connections: u32, pace: Pace, keys: Keyring, ids: Ids) -> Result<Self, Error> {
        let pools = Pools::connect(url, connections, pace).await?;
        pools.dialect.migrate(&pools.writer).await?;
        let mut on = pools.writer.acquire().await?;
        let hash_key = hash_keys::hash_key(&mut on, &keys).await;
        give_back(on).await;
        Self::of(pools, keys, hash_key?, ids).await
    }

    /// The same without migrating it.
    pub async fn open_as_it_is(url: &str, connections: u32, keys: Keyring, ids: Ids) -> Result<Self, Error> {
        let pools = Pools::connect(url, connections, Pace::Free).await?;
        let mut on = pools.reader.acquire().await?;
        let hash_key = hash_keys::hash_key_as_it_is(pools.dialect, &mut on, &keys).await?;
        give_back(on).await;
        Self::of(pools, keys, hash_key, ids).await
    }

    async fn of(pools: Pools, keys: Keyring, hash_key: HashKey, ids: Ids) -> Result<Self, Error> {
        let Pools { url, pace, dialect, writer, reader } = pools;
        let url = &url;
        let shared = Arc::new(StoreContext {
            dialect,
            pace: pace.clone(),
            sealer: keys.sealer,
            terms: TermHasher::new(&hash_key),
            chain: AuditChain::new(&hash_key),
            hash_key,
            bin_shard: risk_bins::shard(&ids),
            ids,
            audit_turn: Arc::default(),
            signal: Arc::default(),
            telemetry: Telemetry::default(),
            readiness: Arc::default(),
            reads: Arc::default(),
            writes: Arc::default(),
        });
        let sqlite_writer = dialect.has_one_writer().then(|| Arc::new(SqliteWriter::new(writer.clone(), pace.clone())));
        let for_checkpoints = move_log(sqlite_writer.as_ref(), url, &pace).await?;
        let for_commits = PinnedConnection::of(dialect, pace.clone(), dialect.connect_for_commits(url, &writer).await?);
        let for_lookups = dialect.connect_apart(url, pace.clone()).await?;
        if dialect == Dialect::Postgres {
            pooler::require_sessions(&writer, &for_lookups).await?;
        }
        let for_lookups = PinnedConnection::of(dialect, pace.clone(), for_lookups);
        let write_batcher =
            BatchWriter { dialect, pace, connection: for_commits.clone(), sqlite_writer: sqlite_writer.clone() }
                .start();
        let read_batcher = ReadBatcher::start(dialect, for_lookups.clone());
        let pinned = [for_commits, for_lookups];
        Ok(Self {
            writer,
            reader,
            sqlite_writer,
            write_batcher,
            read_batcher,
            pinned,
            for_checkpoints,
            url: url.as_str().into(),
            shared,
        })
    }
}

/// A database that was connected to, before anything in it was looked at.
struct Pools {
    /// As the driver takes it.
    url: String,
    pace: Pace,
    dialect: Dialect,
    writer: Pool<Any>,
    reader: Pool<Any>,
}

impl Pools {
    async fn connect(url: &str, connections: u32, pace: Pace) -> Result<Self, Error> {
        let url = address::for_driver(url)?;
        let (dialect, writer, reader) = connect(&url, connections, pace.clone()).await?;
        Ok(Self { url, pace, dialect, writer, reader })
    }
}

/// Has SQLite's log moved, on the connection that is returned. A simulation is too short for that.
async fn move_log(writer: Option<&Arc<SqliteWriter>>, url: &str, pace: &Pace) -> Result<Option<Pool<Any>>, Error> {
    let Some(writer) = writer.filter(|_| !pace.is_lock_step()) else { return Ok(None) };
    let pool = Dialect::Sqlite.connect_apart(url, pace.clone()).await?;
    Checkpointer::start(pool.clone(), writer);
    Ok(Some(pool))
}

/// Connects to the database at `url`: its dialect, the pool that writes, and the one that only reads.
pub(super) async fn connect(url: &str, connections: u32, pace: Pace) -> Result<(Dialect, Pool<Any>, Pool<Any>), Error> {
    sqlx::any::install_default_drivers();
    let unknown = || Error::Unavailable(sqlx::Error::Configuration("neither sqlite: nor postgres:".into()));
    let dialect = Dialect::of(url).ok_or_else(unknown)?;
    let (writer, reader) = dialect.connect(url, connections, pace).await?;
    Ok((dialect, writer, reader))
}
