//! How connections of PostgreSQL go back to their pools.

use sqlx::{Any, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use super::{Dialect, dialect::FIT_LIMIT};

/// Gives a connection back. Its pool asks it whether it stands, and would wait for ever for a server that says nothing, with the
/// connection's place taken: after [`FIT_LIMIT`] it is closed instead.
pub(super) fn give_back_in_time(dialect: Dialect, connection: &mut PoolConnection<Any>) {
    // SQLite has nobody who could fall silent.
    if let (Dialect::Postgres, Ok(runtime)) = (dialect, Handle::try_current()) {
        runtime.spawn(timeout(FIT_LIMIT, connection.return_to_pool()));
    }
}
