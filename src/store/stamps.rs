//! Times to come that were written by a clock which has been put back since. Nothing waits for a clock to catch up: what is
//! claimed by its time is pulled in here, once it is noticed; leases and the like are judged where they are read, by how far
//! ahead they can be.

use sqlx::Row as _;

use super::{Error, ReadSession, Store};
use crate::domain::clock::Timestamp;

impl ReadSession {
    /// When the newest operation was reserved, by the clock of then.
    pub async fn operation_newest(&mut self) -> Result<Option<Timestamp>, Error> {
        let query = sqlx::query("SELECT sent_at FROM operations ORDER BY id DESC LIMIT 1");
        let row = query.fetch_optional(self.connection()).await?;
        Ok(row.map(|row| row.try_get("sent_at").map(Timestamp)).transpose()?)
    }
}

impl Store {
    /// Has everything looked at `now` that waits for a later time: operations, polls of what is under way, and webhooks.
    pub async fn pull_in_stamps(&self, now: Timestamp) -> Result<(), Error> {
        let operations =
            "UPDATE operations SET next_check_at = $1 WHERE state IN ('sent', 'in_doubt') AND next_check_at > $1";
        let webhooks = "UPDATE webhooks SET next_attempt_at = $1 WHERE state = 'waiting' AND next_attempt_at > $1";
        for sql in [operations, webhooks] {
            self.execute(sqlx::query(sql).bind(now.0)).await?;
        }
        self.pull_in_polls(now).await
    }
}
