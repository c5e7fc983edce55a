//! What the gateway remembers, in SQLite or PostgreSQL. `sqlx` is used here and nowhere else.
//!
//! One file a table, its methods named resource first (`refund_insert`). Reads work on every [`Session`], writes only
//! in a [`Tx`]. Within a transaction rows are locked in one order, the payment intent before its operations, so that no
//! two transactions wait for each other.

use std::{sync::Arc, time::Instant};

use secrecy::SecretString;
use sqlx::{Any, Pool};

use crate::telemetry::Telemetry;

mod address;
mod api_call_stats;
mod api_calls;
mod audit;
mod breaker;
mod budgets;
mod customers;
mod dialect;
mod draft;
mod error;
mod event_signal;
mod events;
mod file_lock;
mod gather;
mod kept;
mod keys;
mod leases;
mod list;
mod lookups;
mod lost;
mod operations;
mod payment_intents;
mod payment_methods;
mod pooler;
mod readiness;
mod refunds;
mod retention;
mod row;
mod schema;
mod seal;
mod select;
mod session;
mod stamps;
mod telemetry;
mod timeline;
mod turns;
mod webhooks;
mod writes;

pub use api_call_stats::StatsRange;
pub use api_calls::ApiCallFilter;
pub use breaker::Breaker;
pub use customers::CustomerFilter;
pub use dialect::Dialect;
pub use draft::Known;
pub use error::Error;
pub use event_signal::EventSignal;
pub use file_lock::FileLock;
pub use operations::{Fate, NewOperation, OperationFilter, Past, Stored};
pub use payment_intents::PaymentIntentFilter;
pub use refunds::RefundFilter;
pub use schema::{Schema, Setting, migrate};
pub use seal::Sealer;
pub use session::{Read, Session, Tx};
pub use telemetry::Backlog;
pub use webhooks::{Webhook, WebhookFilter, WebhookState};

use dialect::{acquire, in_time};
use draft::Draft;
use gather::{Gatherer, Scribe};
use kept::Kept;
use lookups::Lookups;
use readiness::Readiness;
use session::Writing;
use turns::Turns;

/// The database, shared by everything that uses it.
#[derive(Clone)]
pub struct Store {
    writer: Pool<Any>,
    reader: Pool<Any>,
    /// Where transactions wait that share the writer; `None` where each has a connection of its own.
    turns: Option<Turns>,
    gatherer: Gatherer,
    lookups: Lookups,
    /// The connections of these two, to be closed at the end.
    kept: [Kept; 2],
    url: SecretString,
    shared: Arc<Shared>,
}

struct Shared {
    dialect: Dialect,
    sealer: Sealer,
    signal: Arc<EventSignal>,
    telemetry: Telemetry,
    readiness: Arc<Readiness>,
    /// Whether sessions that read can be had, and transactions begun.
    reads: Arc<Breaker>,
    writes: Arc<Breaker>,
}

impl Store {
    /// Connects to the database at `url`, creates it if it is an SQLite file that does not exist, and migrates it.
    /// `connections` bounds the pool.
    pub async fn open(url: &str, connections: u32, sealer: Sealer) -> Result<Self, Error> {
        let store = Self::open_as_it_is(url, connections, sealer).await?;
        store.shared.dialect.migrate(&store.writer).await?;
        Ok(store)
    }

    /// The same without migrating it.
    pub async fn open_as_it_is(url: &str, connections: u32, sealer: Sealer) -> Result<Self, Error> {
        let url = &address::for_driver(url)?;
        let (dialect, writer, reader) = connect(url, connections).await?;
        let shared = Arc::new(Shared {
            dialect,
            sealer,
            signal: Arc::default(),
            telemetry: Telemetry::default(),
            readiness: Arc::default(),
            reads: Arc::default(),
            writes: Arc::default(),
        });
        let turns = dialect.has_one_writer().then(|| Turns::new(writer.clone()));
        let for_drafts = Kept::of(dialect, dialect.connect_for_drafts(url, &writer).await?);
        let for_lookups = dialect.connect_for_lookups(url).await?;
        if dialect == Dialect::Postgres {
            pooler::require_sessions(&writer, &for_lookups).await?;
        }
        let for_lookups = Kept::of(dialect, for_lookups);
        let gatherer = Gatherer::start(Scribe { dialect, connection: for_drafts.clone(), turns: turns.clone() });
        let lookups = Lookups::start(dialect, for_lookups.clone());
        let kept = [for_drafts, for_lookups];
        Ok(Self { writer, reader, turns, gatherer, lookups, kept, url: url.as_str().into(), shared })
    }

    /// A session that reads. While none could be had lately, this is refused at once.
    pub async fn read(&self) -> Result<Read, Error> {
        let started = Instant::now();
        let connection = self.unless_failing(&self.shared.reads, acquire(&self.reader)).await?;
        Ok(self.session(connection, self.shared.dialect.reading(), started))
    }

    /// A transaction that may write. While none could begin lately, this is refused at once.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let started = Instant::now();
        let connection = self.unless_failing(&self.shared.writes, self.begin_now()).await?;
        Ok(self.session(connection, self.shared.dialect.writing(), started))
    }

    async fn begin_now(&self) -> Result<Writing, sqlx::Error> {
        match &self.turns {
            Some(turns) => turns.begin().await.map(Writing::turn),
            None => in_time(self.writer.begin()).await.map(Writing::own),
        }
    }

    async fn unless_failing<T>(
        &self,
        breaker: &Breaker,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        if !breaker.admits() {
            return Err(Error::Unavailable(sqlx::Error::PoolTimedOut));
        }
        let outcome = work.await;
        breaker.note(outcome.is_err());
        Ok(outcome?)
    }

    /// A draft of a transaction, which relies on what is `known` of intents already; see [`draft`].
    pub fn draft(&self, known: Known) -> Tx {
        let draft = Draft::new(self.reader.clone(), self.lookups.clone(), self.gatherer.clone(), known);
        Session { on: Writing::draft(draft), shared: self.shared.clone() }
    }

    /// Tells when there are new events.
    pub fn event_signal(&self) -> &EventSignal {
        &self.shared.signal
    }

    /// Hears from the database when another process has told events, and passes it on; returns only when the connection
    /// breaks. SQLite has one process, which needs nobody to tell it.
    pub async fn hear_of_events(&self) -> Result<(), Error> {
        if self.shared.dialect.has_one_writer() {
            std::future::pending::<()>().await;
        }
        event_signal::hear(&self.url, &self.shared.signal).await
    }

    /// Closes every connection once its user is done.
    pub async fn close(&self) {
        if let Some(turns) = &self.turns {
            turns.close().await;
        }
        for kept in &self.kept {
            kept.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Connects to the database at `url`: its dialect, the pool that writes, and the one that only reads.
async fn connect(url: &str, connections: u32) -> Result<(Dialect, Pool<Any>, Pool<Any>), Error> {
    sqlx::any::install_default_drivers();
    let unknown = || Error::Unavailable(sqlx::Error::Configuration("neither sqlite: nor postgres:".into()));
    let dialect = Dialect::of(url).ok_or_else(unknown)?;
    let (writer, reader) = dialect.connect(url, connections).await?;
    Ok((dialect, writer, reader))
}
