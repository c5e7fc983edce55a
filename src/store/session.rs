//! Sessions that read.

use std::sync::Arc;

use sqlx::{Any, AnyConnection, pool::PoolConnection};

use super::StoreContext;

/// A connection to the database that reads; each statement sees what is committed when it begins.
pub struct ReadSession {
    pub(super) on: PoolConnection<Any>,
    pub(super) shared: Arc<StoreContext>,
}

impl ReadSession {
    /// The connection that it reads on.
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.on
    }
}
