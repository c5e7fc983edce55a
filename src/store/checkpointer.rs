//! SQLite's log of what was written (WAL), which this moves into the database's file beside the writer. SQLite by itself does so
//! within a commit: when a backup has read for minutes, all calls would wait until what was written meanwhile is moved.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor as _, Pool};
use tokio::{sync::watch, time::sleep};

use super::{
    Error,
    columns::get,
    dialect::{SQLITE_HASTY, give_back},
    sqlite_writer::SqliteWriter,
};
use crate::task;

/// From how many pages the log is moved: 4 MiB, as SQLite has it by itself.
const FULL: i64 = 1024;
/// How many pages may be left to move while the writer waits for the log to begin anew: 1 MiB, some milliseconds.
const REST: i64 = 256;
/// How often the log is moved at a time at most, until no more than that was written meanwhile.
const TURNS: usize = 4;
/// How long a log that is written to is left alone between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);
/// The same where a transaction still reads from before what should be moved, or moving has failed.
const HELD_PAUSE: Duration = Duration::from_secs(1);
/// Has the writer wait 50 ms at most for transactions that read, so that the log can begin anew.
const WAIT_BRIEFLY: &str = "PRAGMA busy_timeout = 50";

/// Moves the log.
pub(super) struct Checkpointer {
    /// Its own connection is from here.
    pool: Pool<Any>,
    writer: Weak<SqliteWriter>,
}

/// Pages of the log.
struct Pages {
    all: i64,
    moved: i64,
}

/// How much is still to be moved.
enum Left {
    Nothing,
    /// At most [`REST`].
    Little,
    Much,
    /// A transaction reads from before it.
    Held,
}

/// When the log is looked at again.
enum Next {
    WhenWritten,
    In(Duration),
}

impl Checkpointer {
    /// Begins to move the log; ends with the writer. `pool` has one connection, which nothing else uses.
    pub(super) fn start(pool: Pool<Any>, writer: &Arc<SqliteWriter>) {
        let written = writer.watch();
        task::spawn("checkpointer", Self { pool, writer: Arc::downgrade(writer) }.work(written));
    }

    async fn work(self, mut written: watch::Receiver<()>) {
        let mut has_failed = false;
        while written.changed().await.is_ok() {
            let mut pause = PAUSE;
            loop {
                sleep(pause).await;
                let Some(writer) = self.writer.upgrade() else { return };
                let next = self.shorten(&writer).await;
                if self.pool.is_closed() {
                    return;
                }
                note(next.as_ref().err(), &mut has_failed);
                match next.unwrap_or(Next::In(HELD_PAUSE)) {
                    Next::WhenWritten => break,
                    Next::In(next) => pause = next,
                }
            }
        }
    }

    /// Moves what the log has once it is full, and has it begin anew.
    async fn shorten(&self, writer: &SqliteWriter) -> Result<Next, Error> {
        let mut on = self.pool.acquire().await?;
        let left = move_beside_writer(&mut on).await;
        give_back(on).await;
        match left? {
            Left::Nothing => Ok(Next::WhenWritten),
            Left::Little => begin_anew(writer).await,
            Left::Much => Ok(Next::In(PAUSE)),
            Left::Held => Ok(Next::In(HELD_PAUSE)),
        }
    }
}

/// Moves a full log as far as transactions that read allow. One that is moved already begins anew with the next commit.
async fn move_beside_writer(on: &mut AnyConnection) -> Result<Left, Error> {
    let mut pages = checkpoint(on, "NOOP").await?;
    if pages.all < FULL || pages.moved == pages.all {
        return Ok(Left::Nothing);
    }
    for _ in 0..TURNS {
        let moved_before = pages.moved;
        checkpoint(on, "PASSIVE").await?;
        // It was written to meanwhile.
        pages = checkpoint(on, "NOOP").await?;
        if pages.moved == moved_before {
            return Ok(Left::Held);
        }
        if pages.all - pages.moved <= REST {
            return Ok(Left::Little);
        }
    }
    Ok(Left::Much)
}

/// Moves the little that is left while nothing is written, and waits until nothing reads from the log: the next commit begins it
/// anew.
async fn begin_anew(writer: &SqliteWriter) -> Result<Next, Error> {
    let mut on = writer.lock().await?;
    let begun = async {
        on.execute(WAIT_BRIEFLY).await?;
        let left = checkpoint(&mut on, "RESTART").await?;
        on.execute(SQLITE_HASTY).await?;
        Ok(left)
    }
    .await;
    let Pages { all, moved } = on.end(begun).await?;
    Ok(if all == moved { Next::WhenWritten } else { Next::In(HELD_PAUSE) })
}

/// Moves the log in one of SQLite's ways, where `NOOP` moves nothing; returns its pages.
async fn checkpoint(on: &mut AnyConnection, way: &'static str) -> Result<Pages, Error> {
    let row = on.fetch_one(AssertSqlSafe(format!("PRAGMA main.wal_checkpoint({way})"))).await?;
    Ok(Pages { all: get(&row, "log")?, moved: get(&row, "checkpointed")? })
}

/// Logs that moving fails, and that it works again; calls go on.
fn note(error: Option<&Error>, has_failed: &mut bool) {
    match error {
        Some(error) if !*has_failed => tracing::warn!(%error, "SQLite's log cannot be moved into its file, and grows"),
        None if *has_failed => tracing::info!("SQLite's log is moved into its file again"),
        _ => {}
    }
    *has_failed = error.is_some();
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::store::{Dialect, lock_step::Pace};

    /// A database with a writer, and with connections that read.
    struct Database {
        dir: tempfile::TempDir,
        writer: Arc<SqliteWriter>,
        reader: Pool<Any>,
    }

    impl Database {
        async fn new() -> Self {
            sqlx::any::install_default_drivers();
            let dir = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", dir.path().join("log.db").display());
            let (writer, reader) = Dialect::Sqlite.connect(&url, 5, Pace::Free).await.unwrap();
            writer.execute("CREATE TABLE texts (text BLOB NOT NULL)").await.unwrap();
            let writer = Arc::new(SqliteWriter::new(writer, Pace::Free));
            Checkpointer::start(Dialect::Sqlite.connect_apart(&url, Pace::Free).await.unwrap(), &writer);
            Self { dir, writer, reader }
        }

        /// Commits 4 MiB.
        async fn write(&self) {
            let mut guard = self.writer.lock().await.unwrap();
            let written = guard.execute("INSERT INTO texts SELECT randomblob(4194304)").await.map(drop);
            guard.end(written.map_err(Error::from)).await.unwrap();
        }

        /// The length of the log's file, in MiB.
        fn log(&self) -> u64 {
            self.dir.path().join("log.db-wal").metadata().unwrap().len() >> 20
        }

        /// Waits until all of the log is moved.
        async fn see_it_moved(&self) {
            let mut on = self.reader.acquire().await.unwrap();
            loop {
                let pages = checkpoint(&mut on, "NOOP").await.unwrap();
                if pages.all == pages.moved {
                    return;
                }
                sleep(PAUSE).await;
            }
        }
    }

    const COUNT: &str = "SELECT COUNT(*) FROM texts";

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_begins_anew_though_somebody_always_reads() {
        let database = Database::new().await;
        let reads = (0..4).map(|_| {
            let reader = database.reader.clone();
            async move {
                loop {
                    reader.fetch_one(COUNT).await.unwrap();
                }
            }
        });
        let reading = reads.collect::<tokio::task::JoinSet<()>>();
        for _ in 0..40 {
            database.write().await;
            sleep(PAUSE / 2).await;
        }
        drop(reading);
        assert!(database.log() < 120, "of 160 MiB the log has {}", database.log());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_backup_held_up_is_moved_without_a_commit_that_waits_for_it() {
        let database = Database::new().await;
        let mut backup = database.reader.acquire().await.unwrap();
        backup.execute("BEGIN").await.unwrap();
        backup.fetch_one(COUNT).await.unwrap();
        for _ in 0..40 {
            database.write().await;
        }
        assert!(database.log() >= 160);
        backup.execute("ROLLBACK").await.unwrap();
        timeout(Duration::from_secs(60), database.see_it_moved()).await.unwrap();
        let length = database.log();
        database.write().await;
        assert_eq!(database.log(), length, "the log begins anew");
    }
}
