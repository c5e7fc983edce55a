//! What the gateway remembers, in SQLite or PostgreSQL. `sqlx` is used here and nowhere else.
//!
//! One file a table, its methods named resource first (`refund_insert`). Reads work on every [`Session`], writes only
//! in a [`Tx`]. Within a transaction rows are locked in one order, the payment intent before its operations, so that no
//! two transactions wait for each other.

use std::{ops::DerefMut, sync::Arc};

use sqlx::{Any, AnyConnection, Pool, Transaction, pool::PoolConnection};

mod api_call_stats;
mod api_calls;
mod customers;
mod dialect;
mod error;
mod events;
mod keys;
mod operations;
mod payment_intents;
mod payment_methods;
mod refunds;
mod row;
mod seal;
mod select;
mod webhooks;

pub use api_call_stats::StatsRange;
pub use api_calls::ApiCallFilter;
pub use customers::CustomerFilter;
pub use dialect::Dialect;
pub use error::Error;
pub use events::EventFilter;
pub use operations::{NewOperation, Past, Stored};
pub use payment_intents::PaymentIntentFilter;
pub use seal::Sealer;
pub use webhooks::{Webhook, WebhookState};

/// The database, shared by everything that uses it.
#[derive(Clone)]
pub struct Store {
    writer: Pool<Any>,
    reader: Pool<Any>,
    shared: Arc<Shared>,
}

struct Shared {
    dialect: Dialect,
    sealer: Sealer,
}

/// A connection to the database, in a transaction or not.
pub struct Session<C> {
    connection: C,
    shared: Arc<Shared>,
}

/// A session that reads; each statement sees what is committed when it begins.
pub type Read = Session<PoolConnection<Any>>;
/// A session that writes. What is not committed when it is dropped never happened.
pub type Tx = Session<Transaction<'static, Any>>;

impl Store {
    /// Connects to the database at `url`, creates it if it is an SQLite file that does not exist, and migrates it.
    /// `connections` bounds the pool.
    pub async fn open(url: &str, connections: u32, sealer: Sealer) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let unknown = || Error::Unavailable(sqlx::Error::Configuration("neither sqlite: nor postgres:".into()));
        let dialect = Dialect::of(url).ok_or_else(unknown)?;
        let (writer, reader) = dialect.connect(url, connections).await?;
        dialect.migrate(&writer).await?;
        Ok(Self { writer, reader, shared: Arc::new(Shared { dialect, sealer }) })
    }

    /// A session that reads.
    pub async fn read(&self) -> Result<Read, Error> {
        Ok(Session { connection: self.reader.acquire().await?, shared: self.shared.clone() })
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let connection = self.writer.begin_with(self.shared.dialect.begin()).await?;
        Ok(Session { connection, shared: self.shared.clone() })
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        let answer = async { sqlx::query("SELECT 1").execute(&mut *self.reader.acquire().await?).await };
        answer.await.is_ok()
    }

    /// Closes every connection once its user is done.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

impl<C: DerefMut<Target = AnyConnection>> Session<C> {
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Tx {
    /// Makes everything that was done in this transaction durable.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.connection.commit().await?)
    }
}
