//! The database, as it is handed around.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::{Any, Pool};
use tokio::time::Instant;

use super::{
    Error, EventSignal, ReadSession, StoreContext, dialect::acquire, event_signal, pinned_connection::PinnedConnection,
    read_batcher::ReadBatcher, sqlite_writer::SqliteWriter, write_batcher::WriteBatcher,
};
use crate::{domain::hash_key::HashKey, telemetry::catalogue::CONNECTION_WAIT};

/// The database, shared by everything that uses it.
#[derive(Clone)]
pub struct Store {
    pub(super) writer: Pool<Any>,
    pub(super) reader: Pool<Any>,
    /// SQLite's one writer; `None` where there are as many as connections.
    pub(super) sqlite_writer: Option<Arc<SqliteWriter>>,
    pub(super) write_batcher: WriteBatcher,
    pub(super) read_batcher: ReadBatcher,
    /// The connections of these two, to be closed at the end.
    pub(super) pinned: [PinnedConnection; 2],
    /// The connection that moves SQLite's log; a simulation is too short for one.
    pub(super) for_checkpoints: Option<Pool<Any>>,
    pub(super) url: SecretString,
    pub(super) shared: Arc<StoreContext>,
}

impl Store {
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
        Ok(ReadSession::new(on, self.shared.clone()))
    }

    /// The secret under which this database's values are hashed.
    pub fn hash_key(&self) -> &HashKey {
        &self.shared.hash_key
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
        if let Some(pool) = &self.for_checkpoints {
            pool.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }
}
