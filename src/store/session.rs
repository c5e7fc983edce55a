//! Sessions that read. A connection of PostgreSQL that says nothing is given up: a decision may wait for what is read, and with it
//! all that waits for the decision.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use sqlx::{
    Any, Either, Error, Execute, Executor, SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
    pool::PoolConnection,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_stream::Stream;

use super::{
    Dialect, StoreContext,
    dialect::UPKEEP_LIMIT,
    give_back::give_back_in_time,
    lock_step::{Boxed, Pace, PacedConnection, Rows},
};

/// A connection to the database that reads; each statement sees what is committed when it begins.
pub struct ReadSession {
    on: PoolConnection<Any>,
    pub(super) shared: Arc<StoreContext>,
    /// Whether a statement was begun and has not ended: then nobody knows what would come on the connection next.
    is_busy: bool,
}

impl ReadSession {
    /// Reads on this connection.
    pub(super) fn new(on: PoolConnection<Any>, shared: Arc<StoreContext>) -> Self {
        Self { on, shared, is_busy: false }
    }

    /// The connection that it reads on, for as long as the server lets a statement run.
    pub(super) fn connection(&mut self) -> BoundedConnection<'_> {
        self.within(UPKEEP_LIMIT)
    }

    /// The same for a row of a unique key, which takes milliseconds.
    pub(super) fn by_key(&mut self) -> BoundedConnection<'_> {
        self.within(self.shared.dialect.answer_limit())
    }

    fn within(&mut self, limit: Duration) -> BoundedConnection<'_> {
        // SQLite has nobody who could fall silent: another connection would wait for the same disk.
        let limit = (self.shared.dialect == Dialect::Postgres).then_some(limit);
        let on = PacedConnection { on: &mut self.on, pace: self.shared.pace.clone() };
        BoundedConnection { on, wait: BoundedWait { limit, is_busy: &mut self.is_busy } }
    }
}

impl Drop for ReadSession {
    fn drop(&mut self) {
        if self.is_busy && self.shared.dialect == Dialect::Postgres {
            // The pool would ask it whether it stands, and wait for the answer for ever.
            self.on.close_on_drop();
        } else if self.shared.pace.is_lock_step() {
            // Otherwise a task of its own does so.
            Pace::keep_now(self.on.return_to_pool());
        } else {
            give_back_in_time(self.shared.dialect, &mut self.on);
        }
    }
}

/// A connection whose statements end in time, with [`Error::PoolTimedOut`] where the database says nothing.
#[derive(Debug)]
pub(super) struct BoundedConnection<'c> {
    on: PacedConnection<'c>,
    wait: BoundedWait<'c>,
}

#[derive(Debug)]
struct BoundedWait<'c> {
    /// `None`: it waits for as long as that takes.
    limit: Option<Duration>,
    is_busy: &'c mut bool,
}

impl BoundedWait<'_> {
    async fn end<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        *self.is_busy = true;
        let outcome = match self.limit {
            Some(limit) => timeout(limit, work).await.map_err(|_| Error::PoolTimedOut)?,
            None => work.await,
        };
        *self.is_busy = false;
        outcome
    }
}

impl<'c> Executor<'c> for BoundedConnection<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Rows<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let Self { on, wait } = self;
        *wait.is_busy = true;
        let silence = wait.limit.map(|limit| Box::pin(sleep(limit)));
        Box::pin(BoundedRows { rows: on.fetch_many(query), silence, wait })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> Boxed<'e, Option<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(self.wait.end(self.on.fetch_optional(query)))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> Boxed<'e, AnyStatement>
    where
        'c: 'e,
    {
        Box::pin(self.wait.end(self.on.prepare_with(sql, parameters)))
    }
}

/// Rows of which none is waited for longer than the limit.
struct BoundedRows<'e> {
    rows: Rows<'e>,
    /// Ends when the database has said nothing for too long.
    silence: Option<Pin<Box<Sleep>>>,
    wait: BoundedWait<'e>,
}

impl Stream for BoundedRows<'_> {
    type Item = Result<Either<AnyQueryResult, AnyRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Poll::Ready(row) = this.rows.as_mut().poll_next(context) else {
            let Some(silence) = &mut this.silence else { return Poll::Pending };
            ready!(silence.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::PoolTimedOut)));
        };
        match (&row, &mut this.silence, this.wait.limit) {
            (Some(Ok(_)), Some(silence), Some(limit)) => silence.as_mut().reset(Instant::now() + limit),
            (Some(Ok(_)), ..) => {}
            (Some(Err(_)) | None, ..) => *this.wait.is_busy = false,
        }
        Poll::Ready(row)
    }
}
