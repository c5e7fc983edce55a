//! The leases of processes that have died.

use super::{Error, Store, Tx};
use crate::domain::clock::Timestamp;

impl Store {
    /// Ends every lease when one process has the database to itself: it has just begun, so the holders are dead. Does nothing
    /// where others may run; there leases end by themselves.
    pub async fn end_leases_of_the_dead(&self, now: Timestamp) -> Result<(), Error> {
        if !self.shared.dialect.has_one_writer() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.operations_release(now).await?;
        tx.webhooks_release().await?;
        tx.commit().await
    }
}

impl Tx {
    /// Ends every lease on an open operation; a call that was under way is looked up at `now`.
    async fn operations_release(&mut self, now: Timestamp) -> Result<(), Error> {
        // Not 0, which says that the holder has given it back.
        let sql = "UPDATE operations SET lease_until = 1,
                 next_check_at = CASE state WHEN 'sent' THEN $1 ELSE next_check_at END
             WHERE state IN ('sent', 'in_doubt', 'needs_operator') AND lease_until > 0";
        sqlx::query(sql).bind(now.0).execute(self.connection()).await?;
        Ok(())
    }

    /// Ends every lease on a webhook that waits.
    async fn webhooks_release(&mut self) -> Result<(), Error> {
        let sql = "UPDATE webhooks SET lease_until = 0 WHERE state = 'waiting' AND lease_until > 0";
        sqlx::query(sql).execute(self.connection()).await?;
        Ok(())
    }
}
