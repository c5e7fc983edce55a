//! Sessions that read.

use std::sync::Arc;

use sqlx::{Any, pool::PoolConnection};

use super::{
    StoreContext,
    lock_step::{Pace, PacedConnection},
};

/// A connection to the database that reads; each statement sees what is committed when it begins.
pub struct ReadSession {
    pub(super) on: PoolConnection<Any>,
    pub(super) shared: Arc<StoreContext>,
}

impl ReadSession {
    /// The connection that it reads on.
    pub(super) fn connection(&mut self) -> PacedConnection<'_> {
        PacedConnection { on: &mut self.on, pace: self.shared.pace }
    }
}

impl Drop for ReadSession {
    fn drop(&mut self) {
        // Otherwise the pool does so, by a task of its own.
        if self.shared.pace == Pace::LockStep {
            Pace::keep_now(self.on.return_to_pool());
        }
    }
}
