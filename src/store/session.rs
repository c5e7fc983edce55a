//! Sessions: a connection to the database that reads, or a transaction that also writes.

use std::{ops::DerefMut as _, sync::Arc};

use sqlx::{Any, AnyConnection, Transaction, pool::PoolConnection};

use super::{Error, StoreContext, group_commit::WriterGuard};

/// A connection to the database, in a transaction or not.
pub struct Session<C> {
    pub(super) on: C,
    pub(super) shared: Arc<StoreContext>,
}

/// A session that reads; each statement sees what is committed when it begins.
pub type ReadSession = Session<PoolConnection<Any>>;
/// A session that writes. What is not committed when it is dropped never happened.
pub type Tx = Session<Writing>;

/// The connection that a transaction writes on.
pub enum Writing {
    /// On a connection of its own.
    Own(Transaction<'static, Any>),
    /// On SQLite's one writer, for a turn.
    Shared(WriterGuard),
}

/// The connection of a session.
pub trait Connected: Send {
    /// The connection.
    fn connection(&mut self) -> &mut AnyConnection;
}

impl Connected for PoolConnection<Any> {
    fn connection(&mut self) -> &mut AnyConnection {
        self
    }
}

impl Connected for Writing {
    fn connection(&mut self) -> &mut AnyConnection {
        match self {
            Self::Own(transaction) => transaction.deref_mut(),
            Self::Shared(guard) => guard,
        }
    }
}

impl<C: Connected> Session<C> {
    /// The connection that it reads on.
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        self.on.connection()
    }
}

impl Tx {
    /// Makes everything that was done in this transaction durable.
    pub async fn commit(self) -> Result<(), Error> {
        match self.on {
            Writing::Own(transaction) => transaction.commit().await.map_err(|error| Error::of_commit(error.into())),
            Writing::Shared(guard) => Ok(guard.commit().await?),
        }
    }
}
