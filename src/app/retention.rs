//! Deletes operations whose time is over. Unfinished ones are kept for ever.

use super::payments::Payments;
use crate::{error::Error, telemetry::catalogue::OPERATIONS_PRUNED};

/// The most operations that one transaction deletes, so that no writer beside it waits for long.
pub const PRUNE_BATCH: u32 = 500;

impl Payments {
    /// Deletes the oldest operations that finished before their retention began, at most [`PRUNE_BATCH`], with their
    /// idempotency keys and frozen answers. Returns how many.
    ///
    /// A clock that is far ahead would delete keys that fence calls of today. So it is by this clock and by Corefy's that the
    /// retention must have begun: nothing is deleted that either of them calls too young, nor before Corefy told its time.
    pub async fn prune_operations(&self) -> Result<usize, Error> {
        let Some(corefys) = self.upstream.last_told_time() else { return Ok(0) };
        let finished_before = self.now().min(corefys).before(self.operation_retention);
        let count = self.store.delete_finished_operations(finished_before, PRUNE_BATCH).await?;
        self.telemetry.add(&OPERATIONS_PRUNED, [], count);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
