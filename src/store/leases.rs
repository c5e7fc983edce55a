//! The leases of processes that have died.

use super::{Error, Store};
use crate::domain::clock::Timestamp;

impl Store {
    /// Ends every lease when one process has the database to itself: it has just begun, so the holders are dead. Does nothing
    /// where others may run; there leases end by themselves.
    pub async fn end_leases_of_the_dead(&self, now: Timestamp) -> Result<(), Error> {
        if !self.shared.dialect.has_one_writer() {
            return Ok(());
        }
        // Not 0, which says that the holder has given it back. A call that was under way is looked up at once.
        let operations = "UPDATE operations SET lease_until = 1,
                 next_check_at = CASE state WHEN 'sent' THEN $1 ELSE next_check_at END
             WHERE state IN ('sent', 'in_doubt', 'needs_operator') AND lease_until > 0";
        self.execute(sqlx::query(operations).bind(now.0)).await?;
        let webhooks = "UPDATE webhooks SET lease_until = 0 WHERE state = 'waiting' AND lease_until > 0";
        self.execute(sqlx::query(webhooks)).await.map(drop)
    }
}
