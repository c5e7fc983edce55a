//! The end of what is kept for a time: finished operations.

use super::{Error, Store};
use crate::domain::clock::Timestamp;

impl Store {
    /// Deletes those of the oldest `limit` finished operations that finished before `finished_before`. Returns how many. The
    /// order of ids is that of time, so that the oldest are found without looking at others; unfinished ones are passed over.
    /// No row refers to an operation: what the audit and the log of calls say of it stays.
    pub async fn delete_finished_operations(&self, finished_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM operations WHERE id IN (SELECT id FROM
             (SELECT id, finished_at FROM operations WHERE state = 'done' ORDER BY id LIMIT $2) AS oldest
             WHERE finished_at < $1)";
        self.execute(sqlx::query(sql).bind(finished_before.0).bind(i64::from(limit))).await
    }
}
