//! SQLite's one writer, shared. A flush is what a commit costs there, so transactions that want to write at the same time
//! take turns in one transaction of the database, each as a savepoint of its own, and share its flush. A transaction that
//! commits passes the writer on and queues again, to flush what all have written meanwhile; one that another has flushed is
//! done. No commit is reported before it is durable, and a flush that fails has failed for all members.

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{Any, AnyConnection, AssertSqlSafe, Error, Executor as _, Pool, pool::PoolConnection};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::timeout,
};

use super::writes::{Batch, SQLITE_TOGETHER};
use crate::store;

/// How long a turn is waited for: longer than a call waits for its reservation, because what is sent already is written by the
/// same writer.
const GUARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Begins the shared transaction with its first turn. The write lock is taken at once: a transaction that reads first cannot
/// take it later while another holds it. The outer savepoint marks the transaction: SQLite may roll a transaction back by
/// itself, when a disk is full or fails, and the next savepoint would then begin another one.
const BEGIN_FIRST: &str = "BEGIN IMMEDIATE; SAVEPOINT members; SAVEPOINT turn";
/// Begins another turn in it: the one before stands.
const BEGIN_NEXT: &str = "RELEASE turn; SAVEPOINT turn";
/// Undoes a turn. Its savepoint is left for the next to begin with.
const UNDO: &str = "ROLLBACK TO turn";
/// Undoes a turn that was given up while it began, so that nobody knows whether there is a savepoint: now there is.
const UNDO_BEGIN: &str = "SAVEPOINT turn";
/// Makes the turns durable, also the last, whose savepoint still stands. Fails where the transaction is not the one that
/// the members wrote in.
const FLUSH: &str = "RELEASE members; COMMIT";

/// The line in front of the writer. It is as long as there are calls under way, which `rpc/` bounds; each waits at most
/// [`GUARD_TIMEOUT`] for its turn.
#[derive(Clone)]
pub(super) struct GroupCommit {
    pool: Pool<Any>,
    writer: Arc<Mutex<SharedWriter>>,
    /// How many transactions wait for the writer. A commit flushes at once while there is none.
    waiting: Arc<AtomicUsize>,
}

/// The writer, held by the guard whose turn it is. While none holds it, there is an open transaction exactly if there are
/// members.
#[derive(Default)]
struct SharedWriter {
    connection: Option<PoolConnection<Any>>,
    /// Transactions that have committed and wait for the flush.
    members: Vec<oneshot::Sender<Flushed>>,
}

/// The outcome of a flush, shared by all transactions that wrote before it.
type Flushed = Result<(), Arc<Error>>;

/// A turn. What is not committed when it is dropped never happened.
pub struct WriterGuard {
    /// `None` once it has ended.
    writer: Option<OwnedMutexGuard<SharedWriter>>,
    has_begun: bool,
    group_commit: GroupCommit,
}

impl GroupCommit {
    /// In front of `pool`, which has one connection.
    pub(super) fn new(pool: Pool<Any>) -> Self {
        Self { pool, writer: Arc::default(), waiting: Arc::default() }
    }

    /// Waits for a turn.
    pub(super) async fn begin(&self) -> Result<WriterGuard, Error> {
        let mut guard = self.lock().await?;
        let begin = guard.writer().beginning();
        sqlx::query(begin).execute(&mut *guard).await?;
        guard.has_begun = true;
        Ok(guard)
    }

    /// Waits for the writer.
    async fn lock(&self) -> Result<WriterGuard, Error> {
        let waiting = WaitCount::one_more(&self.waiting);
        let writer = timeout(GUARD_TIMEOUT, self.writer.clone().lock_owned()).await.map_err(|_| Error::PoolTimedOut)?;
        drop(waiting);
        let mut guard = WriterGuard { writer: Some(writer), has_begun: false, group_commit: self.clone() };
        if guard.writer().connection.is_none() {
            let mut connection = self.pool.acquire().await?;
            connection.execute(AssertSqlSafe(SQLITE_TOGETHER.as_str())).await?;
            guard.writer().connection = Some(connection);
        }
        Ok(guard)
    }

    /// Runs `script`, which is one statement, and makes it durable together with the turns before it. When it fails, nothing
    /// of it stands; the turns before it do. When the flush fails, nothing of anybody's does.
    pub(super) async fn write(&self, batch: Batch) -> Result<(), store::Error> {
        let mut guard = self.lock().await?;
        let run = batch.run(&mut guard).await;
        // Where there are no members, no transaction is open, and the statement was one of its own.
        let flushed = guard.writer().flush().await;
        if run.as_ref().is_err_and(|error| !error.is_of_its_rows()) {
            // SQLite leaves some statements that failed half open.
            guard.writer().give_up().await;
        }
        guard.writer = None;
        run?;
        Ok(flushed.map_err(shared)?)
    }

    /// Whether anybody writes.
    pub(super) fn is_busy(&self) -> bool {
        self.writer.try_lock().is_err()
    }

    /// Gives the connection back, so that the pool can be closed.
    pub(super) async fn close(&self) {
        self.writer.lock().await.connection = None;
    }

    /// Ends a turn that was committed; returns when it is durable, by a flush of its own or of another's.
    async fn finish(self, mut writer: OwnedMutexGuard<SharedWriter>) -> Result<(), Error> {
        let (reply, mut response) = oneshot::channel();
        writer.members.push(reply);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            // This member gets the outcome with the others.
            let _ = writer.flush().await;
        }
        drop(writer);
        tokio::select! {
            biased;
            outcome = &mut response => return heard(outcome),
            mut writer = self.writer.lock() => {
                let _ = writer.flush().await;
            }
        }
        heard(response.await)
    }
}

/// The outcome of a member's flush.
fn heard(outcome: Result<Flushed, oneshot::error::RecvError>) -> Result<(), Error> {
    outcome.map_err(|_| Error::WorkerCrashed)?.map_err(shared)
}

/// The error of a flush, for one of its members.
fn shared(error: Arc<Error>) -> Error {
    Error::Io(io::Error::other(error))
}

impl SharedWriter {
    /// How a turn begins now.
    fn beginning(&self) -> &'static str {
        if self.members.is_empty() { BEGIN_FIRST } else { BEGIN_NEXT }
    }

    /// Makes durable what the members have written, replies to them, and returns the same outcome to the caller.
    async fn flush(&mut self) -> Flushed {
        if self.members.is_empty() {
            return Ok(());
        }
        self.run(FLUSH).await?;
        self.reply_to_all(&Ok(()));
        Ok(())
    }

    /// Replies to the members with the outcome of their flush.
    fn reply_to_all(&mut self, outcome: &Flushed) {
        for member in self.members.drain(..) {
            // Nobody listens when the gateway is shutting down.
            let _ = member.send(outcome.clone());
        }
    }

    /// Runs `sql`. When that fails, nobody can say what stands: everything is rolled back, and the members are told.
    async fn run(&mut self, sql: &'static str) -> Flushed {
        let Some(connection) = &mut self.connection else { return Err(Arc::new(Error::WorkerCrashed)) };
        let Err(error) = sqlx::query(sql).execute(&mut **connection).await else { return Ok(()) };
        tracing::warn!(%error, "the database's writer failed; uncommitted writes are rolled back");
        let error = Arc::new(error);
        self.reply_to_all(&Err(error.clone()));
        self.give_up().await;
        Err(error)
    }

    /// Closes the connection, and with it whatever was begun on it and is not durable.
    async fn give_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

impl WriterGuard {
    fn writer(&mut self) -> &mut SharedWriter {
        self.writer.as_mut().expect("the turn has not ended")
    }

    /// Makes durable what was written.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let Some(writer) = self.writer.take() else { return Err(Error::WorkerCrashed) };
        // In a task of its own: others may depend on this flush, also when nobody waits for the commit any longer.
        tokio::spawn(self.group_commit.clone().finish(writer)).await.unwrap_or(Err(Error::WorkerCrashed))
    }
}

impl Drop for WriterGuard {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            tokio::spawn(undo(writer, self.has_begun));
        }
    }
}

/// Undoes a turn; the members' turns before it stand.
async fn undo(mut writer: OwnedMutexGuard<SharedWriter>, has_begun: bool) {
    if writer.connection.is_none() {
        return;
    }
    let sql = match (writer.members.is_empty(), has_begun) {
        (true, _) => "ROLLBACK",
        (false, true) => UNDO,
        (false, false) => UNDO_BEGIN,
    };
    // Where that fails, everything is rolled back, and the members know.
    let _ = writer.run(sql).await;
}

impl Deref for WriterGuard {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        let writer = self.writer.as_ref().expect("the turn has not ended");
        writer.connection.as_ref().expect("a turn begins with a connection")
    }
}

impl DerefMut for WriterGuard {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.writer().connection.as_mut().expect("a turn begins with a connection")
    }
}

/// Counts a waiting transaction until it is dropped.
struct WaitCount<'a>(&'a AtomicUsize);

impl<'a> WaitCount<'a> {
    fn one_more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for WaitCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Dialect;

    /// A line in front of a database with one table, and a connection that sees what is durable.
    async fn line() -> (tempfile::TempDir, GroupCommit, Pool<Any>) {
        sqlx::any::install_default_drivers();
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("line.db").display());
        let (writer, reader) = Dialect::Sqlite.connect(&url, 1).await.unwrap();
        sqlx::query("CREATE TABLE numbers (n INTEGER NOT NULL)").execute(&writer).await.unwrap();
        // A row in this table has the COMMIT fail, and leaves the transaction open.
        let unkept = "CREATE TABLE promises (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED)";
        sqlx::query("CREATE TABLE kept (n INTEGER PRIMARY KEY)").execute(&writer).await.unwrap();
        sqlx::query(unkept).execute(&writer).await.unwrap();
        (dir, GroupCommit::new(writer), reader)
    }

    async fn write(guard: &mut WriterGuard, n: i64) {
        sqlx::query("INSERT INTO numbers (n) VALUES ($1)").bind(n).execute(&mut **guard).await.unwrap();
    }

    async fn durable(reader: &Pool<Any>) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM numbers").fetch_one(reader).await.unwrap()
    }

    /// Starts a task that waits for the writer, writes `n` and commits; returns when it waits, or is done.
    async fn waits(group_commit: &GroupCommit, n: i64) -> tokio::task::JoinHandle<Result<(), Error>> {
        let before = group_commit.waiting.load(Ordering::Relaxed);
        let line = group_commit.clone();
        let task = tokio::spawn(async move {
            let mut guard = line.begin().await?;
            write(&mut guard, n).await;
            guard.commit().await
        });
        while group_commit.waiting.load(Ordering::Relaxed) == before && !task.is_finished() {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test]
    async fn those_who_wait_share_the_flush_of_the_first() {
        let (_dir, group_commit, reader) = line().await;
        let mut first = group_commit.begin().await.unwrap();
        write(&mut first, 0).await;
        let mut others = Vec::new();
        for n in 1..=50 {
            others.push(waits(&group_commit, n).await);
        }
        assert_eq!(durable(&reader).await, 0);
        first.commit().await.unwrap();
        assert_eq!(durable(&reader).await, 51, "all were in the transaction that the first made durable");
        for other in others {
            other.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_takes_nothing_of_the_others_with_it() {
        let (_dir, group_commit, reader) = line().await;
        let tasks: Vec<_> = (0..90)
            .map(|n| {
                let group_commit = group_commit.clone();
                tokio::spawn(async move {
                    let mut guard = group_commit.begin().await.unwrap();
                    write(&mut guard, n).await;
                    if n % 3 > 0 {
                        guard.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(durable(&reader).await, 60);
        let broken = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM numbers WHERE n % 3 = 0");
        assert_eq!(broken.fetch_one(&reader).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_transaction_that_breaks_has_failed_for_all_its_members_and_for_nobody_after_them() {
        let (_dir, group_commit, reader) = line().await;
        let mut first = group_commit.begin().await.unwrap();
        write(&mut first, 1).await;
        let breaker = {
            let group_commit = group_commit.clone();
            tokio::spawn(async move {
                let mut guard = group_commit.begin().await.unwrap();
                sqlx::query("ROLLBACK").execute(&mut *guard).await.unwrap();
                guard.commit().await
            })
        };
        while group_commit.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(first.commit().await.is_err());
        assert!(breaker.await.unwrap().is_err());
        assert_eq!(durable(&reader).await, 0);
        waits(&group_commit, 2).await.await.unwrap().unwrap();
        assert_eq!(durable(&reader).await, 1);
    }

    /// Starts a script that waits for a turn; returns when it waits.
    async fn rides(group_commit: &GroupCommit, sql: &'static str) -> tokio::task::JoinHandle<Result<(), store::Error>> {
        let before = group_commit.waiting.load(Ordering::Relaxed);
        let line = group_commit.clone();
        let task = tokio::spawn(async move { line.write(Batch::plain(sql)).await });
        while group_commit.waiting.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test]
    async fn a_script_that_rides_in_a_transaction_whose_commit_fails_has_failed() {
        let (_dir, group_commit, reader) = line().await;
        let mut member = group_commit.begin().await.unwrap();
        sqlx::query("INSERT INTO promises (n) VALUES (1)").execute(&mut *member).await.unwrap();
        let rider = rides(&group_commit, "INSERT INTO numbers (n) VALUES (7)").await;
        assert!(member.commit().await.is_err());
        let outcome = rider.await.unwrap();
        assert!(matches!(outcome, Err(store::Error::Unavailable(_))), "{outcome:?}");
        assert_eq!(durable(&reader).await, 0);
        group_commit.write(Batch::plain("INSERT INTO numbers (n) VALUES (8)")).await.unwrap();
        assert_eq!(durable(&reader).await, 1, "nothing of the failed transaction is left on the connection");
    }

    #[tokio::test]
    async fn a_script_that_takes_the_transaction_down_has_failed_for_its_members_too() {
        let (_dir, group_commit, reader) = line().await;
        let breaks = "CREATE TRIGGER breaks BEFORE INSERT ON numbers WHEN new.n = 0
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END";
        let mut member = group_commit.begin().await.unwrap();
        sqlx::query(breaks).execute(&mut *member).await.unwrap();
        member.commit().await.unwrap();
        let mut member = group_commit.begin().await.unwrap();
        write(&mut member, 1).await;
        let rider = rides(&group_commit, "INSERT INTO numbers (n) VALUES (0)").await;
        assert!(member.commit().await.is_err());
        assert!(rider.await.unwrap().is_err());
        assert_eq!(durable(&reader).await, 0);
        waits(&group_commit, 2).await.await.unwrap().unwrap();
        assert_eq!(durable(&reader).await, 1);
    }

    #[tokio::test]
    async fn a_turn_that_cannot_begin_because_the_transaction_is_gone_has_failed_for_its_members_too() {
        let (_dir, group_commit, reader) = line().await;
        let mut member = group_commit.begin().await.unwrap();
        write(&mut member, 1).await;
        let next = waits(&group_commit, 2).await;
        // As SQLite does by itself where a disk is full or fails.
        sqlx::query("ROLLBACK").execute(&mut *member).await.unwrap();
        assert!(member.commit().await.is_err());
        assert!(next.await.unwrap().is_err());
        assert_eq!(durable(&reader).await, 0);
        waits(&group_commit, 3).await.await.unwrap().unwrap();
        assert_eq!(durable(&reader).await, 1);
    }

    #[tokio::test]
    async fn what_was_committed_becomes_durable_though_nobody_waits_for_it_any_longer() {
        let (_dir, group_commit, reader) = line().await;
        let mut first = group_commit.begin().await.unwrap();
        write(&mut first, 1).await;
        let second = waits(&group_commit, 2).await;
        let mut commit = Box::pin(first.commit());
        let _ = begin_to_poll(&mut commit).await;
        drop(commit);
        second.await.unwrap().unwrap();
        waits(&group_commit, 3).await.await.unwrap().unwrap();
        assert_eq!(durable(&reader).await, 3);
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_while_it_begins_takes_nothing_of_the_others_with_it() {
        let (_dir, group_commit, reader) = line().await;
        for n in 0..100 {
            let mut first = group_commit.begin().await.unwrap();
            write(&mut first, n).await;
            let line = group_commit.clone();
            let patience = std::time::Duration::from_micros(n.unsigned_abs() * 5);
            let hasty = tokio::spawn(async move { drop(tokio::time::timeout(patience, line.begin()).await) });
            tokio::task::yield_now().await;
            let last = waits(&group_commit, n).await;
            first.commit().await.unwrap();
            hasty.await.unwrap();
            last.await.unwrap().unwrap();
        }
        assert_eq!(durable(&reader).await, 200);
    }

    /// Polls a future once.
    async fn begin_to_poll<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_ready())
        })
        .await
    }
}
