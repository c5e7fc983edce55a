//! How the store's upkeep is written: claims, leases, and the end of what is kept for a time. Such a statement decides nothing
//! about what was read before, and is a short transaction of its own: on SQLite on the writer, between two batches of commits,
//! on PostgreSQL on a connection of the pool.

use sqlx::{
    Any, AnyConnection,
    any::{AnyArguments, AnyRow},
    pool::PoolConnection,
    query::Query,
};
use tokio::time::{Instant, timeout};

use super::{
    Dialect, Error, Store, StoreBreaker,
    dialect::{UPKEEP_LIMIT, acquire},
    give_back::give_back_in_time,
    sqlite_writer::WriterGuard,
};
use crate::telemetry::catalogue::CONNECTION_WAIT;

/// A connection for one transaction of upkeep.
pub(super) struct UpkeepConnection<'a> {
    on: Connected<'a>,
    breaker: &'a StoreBreaker,
}

enum Connected<'a> {
    Sqlite(WriterGuard<'a>),
    Postgres(PoolConnection<Any>),
}

impl Store {
    /// Runs a statement; returns how many rows it has changed.
    pub(super) async fn execute(&self, query: Query<'_, Any, AnyArguments>) -> Result<u64, Error> {
        let mut on = self.upkeep().await?;
        let done = in_time(self.shared.pace.keep(query.execute(on.connection()))).await;
        on.end(done.map(|done| done.rows_affected())).await
    }

    /// Runs a statement; returns the rows that it has changed.
    pub(super) async fn fetch(&self, query: Query<'_, Any, AnyArguments>) -> Result<Vec<AnyRow>, Error> {
        let mut on = self.upkeep().await?;
        let rows = in_time(self.shared.pace.keep(query.fetch_all(on.connection()))).await;
        on.end(rows).await
    }

    /// A connection to write on. While writing has failed lately, this is refused at once.
    pub(super) async fn upkeep(&self) -> Result<UpkeepConnection<'_>, Error> {
        if !self.shared.writes.admits() {
            return Err(Error::Unavailable(sqlx::Error::PoolTimedOut));
        }
        let started = Instant::now();
        let connection = self.upkeep_now().await.inspect_err(|_| self.shared.writes.note(true))?;
        self.shared.telemetry.time(&CONNECTION_WAIT, [self.shared.dialect.writing()], started.elapsed());
        Ok(connection)
    }

    /// The same however often that has failed.
    pub(super) async fn upkeep_now(&self) -> Result<UpkeepConnection<'_>, Error> {
        let on = match &self.sqlite_writer {
            Some(writer) => Connected::Sqlite(writer.lock().await?),
            None => Connected::Postgres(acquire(&self.writer).await?),
        };
        Ok(UpkeepConnection { on, breaker: &self.shared.writes })
    }
}

/// Waits for a statement, so that a silent connection does not hold up its worker for ever.
pub(super) async fn in_time<T, E: Into<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Error> {
    let silent = Err(Error::Uncertain(sqlx::Error::PoolTimedOut));
    timeout(UPKEEP_LIMIT, work).await.map_or(silent, |done| done.map_err(Into::into))
}

impl UpkeepConnection<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.on {
            Connected::Sqlite(guard) => guard,
            Connected::Postgres(connection) => connection,
        }
    }

    /// Gives the connection back, and returns the outcome of what was done on it.
    pub(super) async fn end<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        self.breaker.note(outcome.as_ref().is_err_and(|error| !error.is_of_its_rows()));
        match self.on {
            Connected::Sqlite(guard) => guard.end(outcome).await,
            Connected::Postgres(mut connection) => {
                let outcome = outcome.map_err(Error::of_commit);
                if matches!(outcome, Err(Error::Uncertain(_))) {
                    // Nobody knows what would come on it next.
                    drop(connection.detach());
                } else {
                    give_back_in_time(Dialect::Postgres, &mut connection);
                }
                outcome
            }
        }
    }
}
