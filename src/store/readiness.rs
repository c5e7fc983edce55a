//! Whether writing works at this moment, found out by a small write: a database that can only be read answers everything
//! else.

use std::time::Duration;

use sqlx::AnyConnection;
use tokio::time::{Instant, timeout};

use super::{Error, ReadSession, Store, dialect::acquire, lost};

/// A write is tried at most this often, however often somebody asks.
const EVERY: Duration = Duration::from_secs(1);
/// How long the write may take: as long as a call may wait for the database before it is refused.
const LIMIT: Duration = Duration::from_secs(2);

impl Store {
    /// Whether a write works at this moment; if not, why, in a few words with nothing private in them. Callers that ask at the
    /// same time share one write.
    pub async fn readiness(&self) -> Result<(), &'static str> {
        let mut last = self.shared.readiness.0.lock().await;
        match *last {
            Some((tried_at, Err(why))) if tried_at.elapsed() < EVERY => Err(why),
            Some((tried_at, Ok(()))) if tried_at.elapsed() < EVERY => within_limit(self.answers()).await,
            _ => {
                let found = within_limit(self.writes()).await;
                *last = Some((Instant::now(), found));
                found
            }
        }
    }

    async fn answers(&self) -> Result<(), Error> {
        let mut session = ReadSession::new(acquire(&self.reader).await?, self.shared.clone());
        sqlx::query("SELECT 1").execute(session.connection()).await?;
        Ok(())
    }

    /// Writes what is there already, to the row that every event needs. SQLite would write nothing for that, so there a number
    /// in the file's head, which means nothing, is changed too.
    async fn writes(&self) -> Result<(), Error> {
        let mut on = self.upkeep_now().await?;
        let written = self.shared.pace.keep(self.write_on(on.connection())).await;
        on.end(written).await
    }

    async fn write_on(&self, on: &mut AnyConnection) -> Result<(), Error> {
        if let Some(sql) = self.shared.dialect.changing_the_head(self.shared.ids.uuid().as_u128()) {
            sqlx::query(sql).execute(&mut *on).await?;
        }
        sqlx::query("UPDATE event_sequence SET last = last WHERE id = 1").execute(on).await?;
        Ok(())
    }
}

async fn within_limit(work: impl Future<Output = Result<(), Error>>) -> Result<(), &'static str> {
    let failed = match timeout(LIMIT, work).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.in_words(),
        Err(_) => "the database does not answer in time",
    };
    // While sessions that cannot write are refused, a pool knows only that it has none.
    Err(lost::refused_lately().unwrap_or(failed))
}
