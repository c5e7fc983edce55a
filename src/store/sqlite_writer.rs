//! SQLite's one writer: a lock in front of one connection, which the batches of commits and the statements of upkeep share.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{Any, AnyConnection, Executor as _, Pool, pool::PoolConnection};
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::timeout,
};

use super::{Error, dialect::give_back, lock_step::Pace};

/// How long the writer is waited for: longer than a call waits for its reservation, because what is sent already is written by
/// the same writer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepares the connection: a row that is put into this table breaks its rule, which stops a batch (`writes/sqlite.rs`).
const CHECKS: &str = "CREATE TEMP TABLE IF NOT EXISTS misfits (written INTEGER CHECK (FALSE))";

/// The writer. The line in front of it is short: one task writes all commits, and each of the workers waits for its own
/// statement.
pub(super) struct SqliteWriter {
    pool: Pool<Any>,
    pace: Pace,
    /// `None` until it is needed, and after it was closed.
    connection: Mutex<Option<PoolConnection<Any>>>,
    /// Tells that it was written.
    written: watch::Sender<()>,
}

/// The right to write. When it is dropped instead of ended, the pool rolls back what was begun.
pub(super) struct WriterGuard<'a> {
    place: MutexGuard<'a, Option<PoolConnection<Any>>>,
    /// `None` once it was ended.
    connection: Option<PoolConnection<Any>>,
    writer: &'a SqliteWriter,
}

impl SqliteWriter {
    /// On `pool`, which has one connection.
    pub(super) fn new(pool: Pool<Any>, pace: Pace) -> Self {
        Self { pool, pace, connection: Mutex::default(), written: watch::Sender::default() }
    }

    /// Waits for the writer, at most [`LOCK_TIMEOUT`].
    pub(super) async fn lock(&self) -> Result<WriterGuard<'_>, Error> {
        let late = |_| Error::Unavailable(sqlx::Error::PoolTimedOut);
        let mut place = timeout(LOCK_TIMEOUT, self.connection.lock()).await.map_err(late)?;
        let connection = match place.take() {
            Some(connection) => connection,
            None => self.pace.in_step(self.connect()).await?,
        };
        Ok(WriterGuard { place, connection: Some(connection), writer: self })
    }

    async fn connect(&self) -> Result<PoolConnection<Any>, Error> {
        let mut connection = self.pool.acquire().await?;
        connection.execute(CHECKS).await?;
        Ok(connection)
    }

    /// Sees each time that something was written; closed with the writer.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }

    /// Whether anybody writes.
    pub(super) fn is_busy(&self) -> bool {
        self.connection.try_lock().is_err()
    }

    /// Gives the connection back, so that the pool can be closed.
    pub(super) async fn close(&self) {
        self.connection.lock().await.take();
    }
}

impl WriterGuard<'_> {
    /// Keeps the connection for the next. Where what was done on it has failed for another reason than its rows, it is closed
    /// instead, and with it whatever was begun: after a full disk, say, SQLite leaves some statements half open.
    pub(super) async fn end<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        match self.connection.take() {
            Some(connection) if outcome.as_ref().is_err_and(|error| !error.is_of_its_rows()) => {
                let _ = self.writer.pace.in_step(connection.close()).await;
            }
            kept => *self.place = kept,
        }
        self.writer.written.send_replace(());
        outcome
    }
}

impl Drop for WriterGuard<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        // Otherwise the pool does so, by a task of its own, for which the next one would wait in lock step for ever.
        if let Some(connection) = connection.filter(|_| self.writer.pace.is_lock_step()) {
            Pace::keep_now(give_back(connection));
        }
    }
}

impl Deref for WriterGuard<'_> {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_ref().expect("it is there until the end")
    }
}

impl DerefMut for WriterGuard<'_> {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("it is there until the end")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _};

    use super::*;
    use crate::store::Dialect;

    /// A writer of a database with one table, and a connection that sees what is durable.
    async fn writer() -> (tempfile::TempDir, SqliteWriter, Pool<Any>) {
        sqlx::any::install_default_drivers();
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("writer.db").display());
        let (writer, reader) = Dialect::Sqlite.connect(&url, 1, crate::store::lock_step::Pace::Free).await.unwrap();
        writer.execute("CREATE TABLE numbers (n INTEGER NOT NULL)").await.unwrap();
        (dir, SqliteWriter::new(writer, Pace::Free), reader)
    }

    async fn write(writer: &SqliteWriter, sql: &str) -> Result<(), Error> {
        let mut guard = writer.lock().await?;
        let run = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *guard).await.map(drop).map_err(Error::from);
        guard.end(run).await
    }

    async fn durable(reader: &Pool<Any>) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM numbers").fetch_one(reader).await.unwrap()
    }

    const INSERT: &str = "INSERT INTO numbers (n) VALUES (1)";

    #[tokio::test]
    async fn fifty_that_write_at_the_same_time_all_write() {
        let (_dir, writer, reader) = writer().await;
        let writer = std::sync::Arc::new(writer);
        let writing = |_| {
            let writer = writer.clone();
            async move { write(&writer, INSERT).await.unwrap() }
        };
        (0..50).map(writing).collect::<tokio::task::JoinSet<_>>().join_all().await;
        assert_eq!(durable(&reader).await, 50);
    }

    #[tokio::test]
    async fn a_statement_that_fails_leaves_nothing_behind_and_the_next_one_is_written() {
        let (_dir, writer, reader) = writer().await;
        // The first fails when it commits; the second takes the transaction down, as SQLite does where a disk is full.
        let prepare = "CREATE TABLE kept (n INTEGER PRIMARY KEY);
             CREATE TABLE promises (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER promise AFTER INSERT ON numbers WHEN new.n = 2 BEGIN INSERT INTO promises VALUES (1); END;
             CREATE TRIGGER breaks AFTER INSERT ON numbers WHEN new.n = 3
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END;";
        writer.lock().await.unwrap().execute(prepare).await.unwrap();
        for (n, written) in [(2, 0), (3, 1)] {
            write(&writer, &format!("INSERT INTO numbers (n) VALUES (1), ({n})")).await.unwrap_err();
            assert_eq!(durable(&reader).await, written);
            write(&writer, INSERT).await.unwrap();
            assert_eq!(durable(&reader).await, written + 1);
        }
    }

    #[tokio::test]
    async fn a_transaction_that_is_given_up_leaves_nothing_behind() {
        let (_dir, writer, reader) = writer().await;
        for _ in 0..3 {
            let mut guard = writer.lock().await.unwrap();
            let mut transaction = guard.begin_with("BEGIN IMMEDIATE").await.unwrap();
            transaction.execute(INSERT).await.unwrap();
        }
        write(&writer, INSERT).await.unwrap();
        assert_eq!(durable(&reader).await, 1);
    }
}
