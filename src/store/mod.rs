//! The gateway's records, in SQLite or PostgreSQL. `sqlx` is used here and nowhere else.
//!
//! One file a table. Reads are methods of a [`ReadSession`], named resource first (`refund_any`). What is decided is written as
//! [`Changes`] by [`Store::commit`], and no other way; the store's upkeep (`upkeep.rs`), claims and leases and prunes, is written
//! by a method of [`Store`] each.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::{Any, Pool};
use tokio::time::Instant;

use crate::{
    domain::ids::Ids,
    telemetry::{Telemetry, catalogue::CONNECTION_WAIT},
};

mod address;
mod api_call_stats;
mod api_calls;
mod audit;
mod breaker;
mod budgets;
mod change;
mod columns;
mod commit;
mod customers;
mod dialect;
mod error;
mod event_signal;
mod events;
mod file_lock;
mod keys;
mod leases;
mod list;
mod list_query;
mod lock_step;
mod lost;
mod metrics;
mod object_write;
mod operations;
mod payment_intents;
mod payment_methods;
mod pinned_connection;
mod pooler;
mod read_batcher;
mod readiness;
mod refunds;
mod retention;
mod schema;
mod seal;
mod session;
mod sqlite_writer;
mod stamps;
mod timeline;
mod tracked;
mod upkeep;
mod webhooks;
mod write_batcher;
mod writes;

pub use self::metrics::Backlog;
pub use api_call_stats::StatsRange;
pub use breaker::StoreBreaker;
pub use change::{Change, Changes, FrozenAnswer, Lease, NewEvent};
pub use commit::{CommitError, Conflict};
pub use dialect::Dialect;
pub use error::Error;
pub use event_signal::EventSignal;
pub use file_lock::FileLock;
pub use list::ListPosition;
pub use operations::{OperationRecord, OperationSummary};
pub use schema::{Schema, Setting, migrate};
pub use seal::Sealer;
pub use session::ReadSession;
pub use tracked::{Tracked, Versioned};
pub use webhooks::{WebhookFilter, WebhookRecord, WebhookState};

use dialect::acquire;
use lock_step::Pace;
use pinned_connection::PinnedConnection;
use read_batcher::ReadBatcher;
use readiness::Readiness;
use sqlite_writer::SqliteWriter;
use write_batcher::{BatchWriter, WriteBatcher};

/// The database, shared by everything that uses it.
#[derive(Clone)]
pub struct Store {
    writer: Pool<Any>,
    reader: Pool<Any>,
    /// SQLite's one writer; `None` where there are as many as connections.
    sqlite_writer: Option<SqliteWriter>,
    write_batcher: WriteBatcher,
    read_batcher: ReadBatcher,
    /// The connections of these two, to be closed at the end.
    pinned: [PinnedConnection; 2],
    url: SecretString,
    shared: Arc<StoreContext>,
}

struct StoreContext {
    dialect: Dialect,
    pace: Pace,
    sealer: Sealer,
    ids: Ids,
    signal: Arc<EventSignal>,
    telemetry: Telemetry,
    readiness: Arc<Readiness>,
    /// Whether connections can be had that read, and that write.
    reads: Arc<StoreBreaker>,
    writes: Arc<StoreBreaker>,
}

impl Store {
    /// Connects to the database at `url`, creates it if it is an SQLite file that does not exist, and migrates it.
    /// `connections` bounds the pool; events get `ids`.
    pub async fn open(url: &str, connections: u32, sealer: Sealer, ids: Ids) -> Result<Self, Error> {
        Self::open_migrated(url, connections, Pace::Free, sealer, ids).await
    }

    /// The same for a simulation, on SQLite: everything in the process waits while the database works, so that a runtime with one
    /// thread sees no other; but for its opening, which comes before the simulation. A file in memory makes it quick.
    pub async fn open_in_lock_step(url: &str, connections: u32, sealer: Sealer, ids: Ids) -> Result<Self, Error> {
        Self::open_migrated(url, connections, Pace::LockStep, sealer, ids).await
    }

    async fn open_migrated(url: &str, connections: u32, pace: Pace, sealer: Sealer, ids: Ids) -> Result<Self, Error> {
        let store = Self::connect(url, connections, pace, sealer, ids).await?;
        store.shared.dialect.migrate(&store.writer).await?;
        Ok(store)
    }

    /// The same without migrating it.
    pub async fn open_as_it_is(url: &str, connections: u32, sealer: Sealer, ids: Ids) -> Result<Self, Error> {
        Self::connect(url, connections, Pace::Free, sealer, ids).await
    }

    async fn connect(url: &str, connections: u32, pace: Pace, sealer: Sealer, ids: Ids) -> Result<Self, Error> {
        let url = &address::for_driver(url)?;
        let (dialect, writer, reader) = connect(url, connections, pace).await?;
        let shared = Arc::new(StoreContext {
            dialect,
            pace,
            sealer,
            ids,
            signal: Arc::default(),
            telemetry: Telemetry::default(),
            readiness: Arc::default(),
            reads: Arc::default(),
            writes: Arc::default(),
        });
        let sqlite_writer = dialect.has_one_writer().then(|| SqliteWriter::new(writer.clone()));
        let for_commits = PinnedConnection::of(dialect, pace, dialect.connect_for_commits(url, &writer).await?);
        let for_lookups = dialect.connect_for_lookups(url, pace).await?;
        if dialect == Dialect::Postgres {
            pooler::require_sessions(&writer, &for_lookups).await?;
        }
        let for_lookups = PinnedConnection::of(dialect, pace, for_lookups);
        let write_batcher = WriteBatcher::start(BatchWriter {
            dialect,
            pace,
            connection: for_commits.clone(),
            sqlite_writer: sqlite_writer.clone(),
        });
        let read_batcher = ReadBatcher::start(dialect, for_lookups.clone());
        let pinned = [for_commits, for_lookups];
        Ok(Self {
            writer,
            reader,
            sqlite_writer,
            write_batcher,
            read_batcher,
            pinned,
            url: url.as_str().into(),
            shared,
        })
    }

    /// A session that reads. While none could be had lately, this is refused at once.
    pub async fn read(&self) -> Result<ReadSession, Error> {
        let started = Instant::now();
        if !self.shared.reads.admits() {
            return Err(Error::Unavailable(sqlx::Error::PoolTimedOut));
        }
        let acquired = acquire(&self.reader).await;
        self.shared.reads.note(acquired.is_err());
        let on = acquired?;
        self.shared.telemetry.time(&CONNECTION_WAIT, [self.shared.dialect.reading()], started.elapsed());
        Ok(ReadSession { on, shared: self.shared.clone() })
    }

    /// The signal that there are new events.
    pub fn event_signal(&self) -> &EventSignal {
        &self.shared.signal
    }

    /// Listens to the database for events of other processes, and wakes the readers; returns only when the connection
    /// breaks. SQLite has one process, which wakes its readers itself.
    pub async fn listen_for_events(&self) -> Result<(), Error> {
        if self.shared.dialect.has_one_writer() {
            std::future::pending::<()>().await;
        }
        event_signal::listen(&self.url, &self.shared.signal).await
    }

    /// Closes every connection once its user is done.
    pub async fn close(&self) {
        if let Some(writer) = &self.sqlite_writer {
            writer.close().await;
        }
        for pinned in &self.pinned {
            pinned.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Connects to the database at `url`: its dialect, the pool that writes, and the one that only reads.
async fn connect(url: &str, connections: u32, pace: Pace) -> Result<(Dialect, Pool<Any>, Pool<Any>), Error> {
    sqlx::any::install_default_drivers();
    let unknown = || Error::Unavailable(sqlx::Error::Configuration("neither sqlite: nor postgres:".into()));
    let dialect = Dialect::of(url).ok_or_else(unknown)?;
    let (writer, reader) = dialect.connect(url, connections, pace).await?;
    Ok((dialect, writer, reader))
}
