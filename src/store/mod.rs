//! What the gateway remembers, in SQLite or PostgreSQL. `sqlx` is used here and nowhere else.
//!
//! One file a table, its methods named resource first (`refund_insert`). Reads work on every [`Session`], writes only
//! in a [`Tx`]. Within a transaction rows are locked in one order, the payment intent before its operations, so that no
//! two transactions wait for each other.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use secrecy::SecretString;
use sqlx::{Any, AnyConnection, Pool, Transaction, pool::PoolConnection};

use crate::telemetry::Telemetry;

mod api_call_stats;
mod api_calls;
mod audit;
mod budgets;
mod customers;
mod dialect;
mod error;
mod event_signal;
mod events;
mod keys;
mod operations;
mod payment_intents;
mod payment_methods;
mod refunds;
mod row;
mod schema;
mod seal;
mod select;
mod telemetry;
mod turns;
mod webhooks;

pub use api_call_stats::StatsRange;
pub use api_calls::ApiCallFilter;
pub use customers::CustomerFilter;
pub use dialect::Dialect;
pub use error::Error;
pub use event_signal::EventSignal;
pub use events::{End, EventFilter, Placed};
pub use operations::{NewOperation, OperationFilter, Past, Stored};
pub use payment_intents::PaymentIntentFilter;
pub use schema::{Schema, Setting, migrate};
pub use seal::Sealer;
pub use telemetry::Backlog;
pub use turns::Turn;
use turns::Turns;
pub use webhooks::{Webhook, WebhookFilter, WebhookState};

/// The database, shared by everything that uses it.
#[derive(Clone)]
pub struct Store {
    writer: Pool<Any>,
    reader: Pool<Any>,
    /// Where transactions wait that share the writer; `None` where each has a connection of its own.
    turns: Option<Turns>,
    url: SecretString,
    shared: Arc<Shared>,
}

struct Shared {
    dialect: Dialect,
    sealer: Sealer,
    signal: Arc<EventSignal>,
    telemetry: Telemetry,
}

/// A connection to the database, in a transaction or not.
pub struct Session<C> {
    connection: C,
    shared: Arc<Shared>,
    /// What was told in this transaction, to be counted once it is durable.
    news: Vec<telemetry::News>,
}

/// A session that reads; each statement sees what is committed when it begins.
pub type Read = Session<PoolConnection<Any>>;
/// A session that writes. What is not committed when it is dropped never happened.
pub type Tx = Session<Writing>;

/// What a transaction writes on.
pub enum Writing {
    /// A connection of its own.
    Own(Transaction<'static, Any>),
    /// SQLite's one writer, for a turn.
    Turn(Turn),
}

impl Deref for Writing {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Own(transaction) => transaction,
            Self::Turn(turn) => turn,
        }
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Own(transaction) => transaction,
            Self::Turn(turn) => turn,
        }
    }
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
        let (dialect, writer, reader) = connect(url, connections).await?;
        let shared = Arc::new(Shared { dialect, sealer, signal: Arc::default(), telemetry: Telemetry::default() });
        let turns = dialect.has_one_writer().then(|| Turns::new(writer.clone()));
        Ok(Self { writer, reader, turns, url: url.into(), shared })
    }

    /// A session that reads.
    pub async fn read(&self) -> Result<Read, Error> {
        let started = Instant::now();
        let connection = self.reader.acquire().await?;
        Ok(self.session(connection, self.shared.dialect.reading(), started))
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let started = Instant::now();
        let connection = match &self.turns {
            Some(turns) => Writing::Turn(turns.begin().await?),
            None => Writing::Own(self.writer.begin().await?),
        };
        Ok(self.session(connection, self.shared.dialect.writing(), started))
    }

    /// Tells when there are new events.
    pub fn event_signal(&self) -> &EventSignal {
        &self.shared.signal
    }

    /// Orders what was committed and is not ordered yet. Answers how many events it placed.
    pub async fn order_events(&self) -> Result<u64, Error> {
        if self.shared.dialect.has_one_writer() || !self.read().await?.events_are_unordered().await? {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let count = tx.events_order().await?;
        if count > 0 {
            tx.events_tell().await?;
        }
        tx.commit().await?;
        self.shared.signal.ordered();
        Ok(count)
    }

    /// Hears from the database when another process has ordered events, and passes it on; returns only when the connection
    /// breaks. SQLite has one process, which needs nobody to tell it.
    pub async fn hear_of_events(&self) -> Result<(), Error> {
        if self.shared.dialect.has_one_writer() {
            std::future::pending::<()>().await;
        }
        event_signal::hear(&self.url, &self.shared.signal).await
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        let answer = async { sqlx::query("SELECT 1").execute(&mut *self.reader.acquire().await?).await };
        answer.await.is_ok()
    }

    /// Closes every connection once its user is done.
    pub async fn close(&self) {
        if let Some(turns) = &self.turns {
            turns.close().await;
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

impl<C: DerefMut<Target = AnyConnection>> Session<C> {
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Tx {
    /// Makes everything that was done in this transaction durable.
    pub async fn commit(self) -> Result<(), Error> {
        let has_events = !self.news.is_empty();
        let is_ordered = match self.connection {
            Writing::Own(transaction) => transaction.commit().await.map(|()| false)?,
            Writing::Turn(turn) => turn.commit(has_events).await.map(|()| true)?,
        };
        if has_events {
            self.shared.signal.written(is_ordered);
        }
        telemetry::count(&self.shared.telemetry, &self.news);
        Ok(())
    }
}
