//! Deletes operations whose time is over. Unfinished ones are kept for ever.

use super::App;
use crate::{error::Error, telemetry::catalogue::OPERATIONS_PRUNED};

/// The most operations that one transaction deletes, so that no writer beside it waits for long.
pub const PRUNE_BATCH: u32 = 500;

impl App {
    /// Deletes the oldest operations that finished before their retention began, at most [`PRUNE_BATCH`], with their
    /// idempotency keys and frozen answers. Returns how many.
    pub async fn prune_operations(&self) -> Result<usize, Error> {
        let finished_before = self.now().before(self.operation_retention);
        let mut tx = self.store.begin().await?;
        let count = tx.operations_delete_finished(finished_before, PRUNE_BATCH).await?;
        tx.commit().await?;
        self.telemetry.add(&OPERATIONS_PRUNED, [], count);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
