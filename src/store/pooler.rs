//! Poolers between the gateway and PostgreSQL. Settings, prepared statements, LISTEN and the lock of migrations belong to a
//! session, so a pooler must leave each connection its session.

use sqlx::{Any, Executor as _, Pool, Row as _};

use super::Error;

/// Says what a pooler must be told.
pub(super) const ADVICE: &str = "PgBouncer needs pool_mode = session and ignore_startup_parameters = extra_float_digits; docs/database.md has the rest";

/// Fails when two connections that are open at the same time have one session: a pooler that lends sessions for a
/// transaction gives the one that was used last to the next client.
pub(super) async fn require_sessions(one: &Pool<Any>, other: &Pool<Any>) -> Result<(), Error> {
    const WHICH: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";
    let (mut one, mut other) = (one.acquire().await?, other.acquire().await?);
    let first: i64 = one.fetch_one(WHICH).await?.try_get(0)?;
    let second: i64 = other.fetch_one(WHICH).await?.try_get(0)?;
    if first == second {
        return Err(Error::Unreachable(format!("a pooler gives its connections no sessions of their own: {ADVICE}")));
    }
    Ok(())
}
