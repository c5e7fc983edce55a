//! A connection that is kept from one use to the next, for a task that uses one all the time: giving it back to the pool
//! would cost a round trip each time.

use std::sync::Arc;

use sqlx::{Any, AnyConnection, Pool, pool::PoolConnection};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Dialect, Error,
    dialect::{TRUSTED_IDLE, acquire},
    give_back::give_back_in_time,
    lock_step::Pace,
    lost,
};

/// Where it is kept while nobody uses it.
#[derive(Clone)]
pub(super) struct PinnedConnection {
    dialect: Dialect,
    pace: Pace,
    pool: Pool<Any>,
    place: Arc<Mutex<Option<Used>>>,
}

/// A connection, and when it was used last.
type Used = (PoolConnection<Any>, Instant);

impl PinnedConnection {
    /// A connection of `pool`, which no other task waits for, once it is needed.
    pub(super) fn of(dialect: Dialect, pace: Pace, pool: Pool<Any>) -> Self {
        Self { dialect, pace, pool, place: Arc::default() }
    }

    /// Does something on the connection, which is replaced where the database does not answer in time
    /// ([`Dialect::answer_limit`]): whoever waits for it behind this waits no longer.
    pub(super) async fn use_for<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = self.take().await?;
        let Ok(outcome) = timeout(self.dialect.answer_limit(), self.pace.keep(work(&mut connection))).await else {
            // Nobody knows what would come on it next, nor whether it was done.
            drop(connection.detach());
            return Err(Error::Uncertain(sqlx::Error::PoolTimedOut));
        };
        if outcome.is_ok() {
            self.keep(connection).await;
        } else if self.pace.is_lock_step() {
            // Otherwise a task of its own does so.
            self.pace.in_step(connection.return_to_pool()).await;
        } else {
            give_back_in_time(self.dialect, &mut connection);
        }
        outcome
    }

    /// Takes the connection, or another one where that does not stand any longer.
    async fn take(&self) -> Result<PoolConnection<Any>, Error> {
        let kept = self.place.lock().await.take();
        if let Some((mut connection, used_at)) = kept {
            let is_trusted = used_at.elapsed() < TRUSTED_IDLE;
            if !lost::is_after(used_at)
                && (is_trusted || self.pace.keep(self.dialect.is_fit(&mut connection)).await.unwrap_or_default())
            {
                return Ok(connection);
            }
            // The pool would wait for it to say that it stands.
            drop(connection.detach());
        }
        Ok(self.pace.in_step(acquire(&self.pool)).await?)
    }

    /// Keeps a connection that has just worked. One that has not goes back to the pool, which looks at it.
    async fn keep(&self, connection: PoolConnection<Any>) {
        *self.place.lock().await = Some((connection, Instant::now()));
    }

    /// Closes it and its pool.
    pub(super) async fn close(&self) {
        self.place.lock().await.take();
        self.pool.close().await;
    }
}
