//! Sessions of PostgreSQL that are of no more use: their server has become a standby, takes no writes any longer, shuts
//! down, or has closed them. Such a session answers the same for as long as it is kept, so when one says so, every session
//! that was opened before is closed instead of being used again; those that are opened afterwards are asked at once whether
//! they can write.
//!
//! This is noted for the process as a whole, because errors are read where no connection is at hand. A process has one
//! database; where tests have several in one process, a session too many is opened again.

use std::{
    io,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{AnyConnection, Executor as _, Row as _};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a pool tries to connect, as when the gateway starts.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When a session last turned out to be lost.
static LOST_AT: LazyLock<watch::Sender<Option<Instant>>> = LazyLock::new(|| watch::Sender::new(None));

/// When a session that was just opened was last refused because it could not write.
static REFUSED_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// The database takes no writes: `read_only_sql_transaction` of PostgreSQL's list of SQLSTATEs.
const READ_ONLY: &str = "25006";
/// The class of the operator's doings: `admin_shutdown`, `crash_shutdown`, `cannot_connect_now` and the like.
const SHUTDOWN_CLASS: &str = "57P";
/// The class of connections that broke.
const CONNECTION_CLASS: &str = "08";

/// Notes an error that says that its session is lost.
pub(super) fn note(error: &sqlx::Error) {
    let sqlx::Error::Database(error) = error else { return };
    let tells =
        |code: &str| code == READ_ONLY || code.starts_with(SHUTDOWN_CLASS) || code.starts_with(CONNECTION_CLASS);
    if error.code().as_deref().is_some_and(tells) {
        note_now(error.message());
    }
}

fn note_now(why: &str) {
    tracing::warn!(%why, "a database session was lost; all older sessions are reopened");
    LOST_AT.send_replace(Some(Instant::now()));
}

/// Changes whenever a session turns out to be lost.
pub(super) fn watch() -> watch::Receiver<Option<Instant>> {
    LOST_AT.subscribe()
}

/// Whether a session turned out to be lost after `moment`.
pub(super) fn is_after(moment: Instant) -> bool {
    LOST_AT.borrow().is_some_and(|lost_at| lost_at > moment)
}

/// Whether a session turned out to be lost while one of this age was open.
pub(super) fn is_younger_than(age: Duration) -> bool {
    Instant::now().checked_sub(age).is_some_and(is_after)
}

/// Whether a session of PostgreSQL can write. One that cannot is noted as lost.
pub(super) async fn can_write(session: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    let row = session.fetch_one("SELECT current_setting('transaction_read_only')").await?;
    let can_write = row.try_get::<String, _>(0)? == "off";
    if !can_write {
        note_now(TAKES_NO_WRITES);
    }
    Ok(can_write)
}

/// Fails unless a session that was just opened can write; notes why, for the tasks that wait for it.
pub(super) async fn require_writable(session: &mut AnyConnection) -> Result<(), sqlx::Error> {
    if can_write(session).await? {
        return Ok(());
    }
    *REFUSED_AT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    Err(sqlx::Error::Io(io::Error::other(TAKES_NO_WRITES)))
}

/// The sentence about a session that cannot write.
pub(super) const TAKES_NO_WRITES: &str =
    "the database takes no writes: it is a standby, or default_transaction_read_only is on";

/// The same error, with the reason in the place of the mere time that was over while sessions were refused.
pub(super) fn explain(error: sqlx::Error) -> sqlx::Error {
    match (error, refused_lately()) {
        (sqlx::Error::PoolTimedOut, Some(why)) => sqlx::Error::Io(io::Error::other(why)),
        (error, _) => error,
    }
}

/// The reason why sessions are being refused, if they are.
pub(super) fn refused_lately() -> Option<&'static str> {
    let refused_at = *REFUSED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    refused_at.filter(|refused_at| refused_at.elapsed() < CONNECT_TIMEOUT).map(|_| TAKES_NO_WRITES)
}
