//! Commits on their way to the database: all that wait are written together, in one transaction with one flush. One that
//! cannot be written takes none of the others with it.

use std::collections::HashSet;

use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use super::{
    CommitError, Conflict, Dialect, Error,
    group_commit::GroupCommit,
    pinned_connection::PinnedConnection,
    writes::{Batch, Write, conflict},
};
use crate::task;

/// Commits that may wait. It is never reached: each is of a call under way, which `rpc/` bounds.
const QUEUE: usize = 1024;
/// Commits that are written together at most.
const TOGETHER: usize = 128;
/// Bytes of rows that are written together at most, but for the last commit, which may exceed them.
const TOGETHER_BYTES: usize = 1 << 20;

/// Takes commits in.
#[derive(Clone)]
pub(super) struct WriteBatcher(mpsc::Sender<QueuedCommit>);

/// A commit that waits.
struct QueuedCommit {
    writes: Vec<Write>,
    reply: oneshot::Sender<Result<(), CommitError>>,
}

/// Writes the commits that were taken in.
pub(super) struct BatchWriter {
    pub(super) dialect: Dialect,
    pub(super) connection: PinnedConnection,
    /// Where SQLite's one writer is waited for, which is used instead.
    pub(super) group_commit: Option<GroupCommit>,
}

impl WriteBatcher {
    /// Begins to write; ends when the last clone of this is gone.
    pub(super) fn start(writer: BatchWriter) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        task::spawn("write batcher", writer.work(receiver));
        Self(sender)
    }

    /// Writes the rows of one decision; returns when they are durable, or certain not to be written.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let (reply, response) = oneshot::channel();
        self.0.send(QueuedCommit { writes, reply }).await.map_err(|_| Error::gone())?;
        response.await.map_err(|_| Error::gone())?
    }
}

impl BatchWriter {
    async fn work(self, mut receiver: mpsc::Receiver<QueuedCommit>) {
        let mut next = receiver.recv().await;
        while let Some(first) = next {
            let (batch, after) = gather(first, &mut receiver);
            self.write(batch).await;
            next = match after {
                Some(after) => Some(after),
                None => receiver.recv().await,
            };
        }
    }

    /// Writes commits together. When one of them cannot be written, halves are tried, until it is alone.
    async fn write(&self, mut entries: Vec<QueuedCommit>) {
        let written = match self.try_to_write(&entries).await {
            Err(error) if error.is_of_its_rows() && entries.len() > 1 => {
                let rest = entries.split_off(entries.len() / 2);
                Box::pin(self.write(entries)).await;
                return Box::pin(self.write(rest)).await;
            }
            written => written,
        };
        let Err(error) = written else {
            // Nobody listens when the caller's task has died.
            return entries.into_iter().for_each(|entry| drop(entry.reply.send(Ok(()))));
        };
        if let Some(conflict) = conflict_of(&error) {
            return entries.into_iter().for_each(|entry| drop(entry.reply.send(Err(conflict.into()))));
        }
        let same = error.share();
        entries.into_iter().for_each(|entry| drop(entry.reply.send(Err(same().into()))));
    }

    async fn try_to_write(&self, entries: &[QueuedCommit]) -> Result<(), Error> {
        let writes = entries.iter().flat_map(|entry| &entry.writes);
        let script = Batch::of(self.dialect, writes)?;
        match &self.group_commit {
            Some(group_commit) => group_commit.write(script).await,
            // PostgreSQL takes it as one statement, which is a transaction of its own.
            None => {
                let run = async |on: &mut AnyConnection| script.run(on).await.map_err(Error::of_commit);
                self.connection.use_for(run).await
            }
        }
    }
}

/// The commits that wait and are written together with the `first`; and the one after them, which writes a row that one of
/// them writes: statements that go together do not see what the others write.
fn gather(
    first: QueuedCommit,
    receiver: &mut mpsc::Receiver<QueuedCommit>,
) -> (Vec<QueuedCommit>, Option<QueuedCommit>) {
    let mut bytes = first.len();
    let mut rows: HashSet<String> = first.rows().map(str::to_owned).collect();
    let mut batch = vec![first];
    while batch.len() < TOGETHER && bytes < TOGETHER_BYTES {
        let Ok(next) = receiver.try_recv() else { break };
        if next.rows().any(|row| rows.contains(row)) {
            return (batch, Some(next));
        }
        rows.extend(next.rows().map(str::to_owned));
        bytes += next.len();
        batch.push(next);
    }
    (batch, None)
}

/// The conflict that an error of the database is: a row that did not fit, or one that another transaction holds.
fn conflict_of(error: &Error) -> Option<Conflict> {
    let Error::Unavailable(sqlx::Error::Database(error)) = error else { return None };
    conflict(&**error).or_else(|| error.code().filter(|code| is_locked(code)).map(|_| Conflict::Locked))
}

/// Whether PostgreSQL's code says that a lock was waited for too long, or in a circle.
fn is_locked(code: &str) -> bool {
    matches!(code, "55P03" | "40P01")
}

impl QueuedCommit {
    /// The ids of its rows.
    fn rows(&self) -> impl Iterator<Item = &str> {
        self.writes.iter().map(|write| write.id.as_str())
    }

    fn len(&self) -> usize {
        self.writes.iter().map(Write::len).sum()
    }
}
