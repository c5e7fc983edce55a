//! Drafts on their way to the database: all that wait are written together, in one transaction with one flush. One that
//! cannot be written takes none of the others with it.

use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use super::{
    Dialect, Error,
    group_commit::GroupCommit,
    pinned_connection::PinnedConnection,
    writes::{Batch, RowCheck, Write, is_conflict},
};

/// How many drafts may wait. It is never reached: each is of a call under way, which `rpc/` bounds.
const QUEUE: usize = 1024;
/// How many drafts are written together at most.
const TOGETHER: usize = 128;
/// How many bytes of rows are written together at most, but for the last draft, which may exceed them.
const TOGETHER_BYTES: usize = 1 << 20;

/// Where drafts are handed in.
#[derive(Clone)]
pub(super) struct WriteBatcher(mpsc::Sender<QueuedTx>);

/// A draft that waits.
struct QueuedTx {
    writes: Vec<Write>,
    reply: oneshot::Sender<Result<(), Error>>,
}

/// The task that writes them.
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
        tokio::spawn(writer.work(receiver));
        Self(sender)
    }

    /// Writes a draft; returns when it is durable, or certain not to be written.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), Error> {
        let (reply, response) = oneshot::channel();
        self.0.send(QueuedTx { writes, reply }).await.map_err(|_| Error::gone())?;
        response.await.map_err(|_| Error::gone())?
    }
}

impl BatchWriter {
    async fn work(self, mut receiver: mpsc::Receiver<QueuedTx>) {
        while let Some(first) = receiver.recv().await {
            let mut bytes = first.len();
            let mut entries = vec![first];
            while entries.len() < TOGETHER && bytes < TOGETHER_BYTES {
                let Ok(next) = receiver.try_recv() else { break };
                bytes += next.len();
                entries.push(next);
            }
            self.write(entries).await;
        }
    }

    /// Writes drafts together. When one of them cannot be written, halves are tried, until it is alone.
    async fn write(&self, mut entries: Vec<QueuedTx>) {
        let written = match self.try_to_write(&entries).await {
            Err(error) if is_of_one(&error) && entries.len() > 1 => {
                let rest = entries.split_off(entries.len() / 2);
                Box::pin(self.write(entries)).await;
                return Box::pin(self.write(rest)).await;
            }
            // Whatever the database has against them: the transactions that do the same, each for itself, will find out.
            Err(error) if error.is_of_its_rows() => Err(Error::Conflict),
            written => written,
        };
        let written = written.map_err(Error::share);
        for QueuedTx { reply, .. } in entries {
            // Nobody listens when the caller's task has died.
            let _ = reply.send(written.as_ref().map(|_| ()).map_err(|same| same()));
        }
    }

    async fn try_to_write(&self, entries: &[QueuedTx]) -> Result<(), Error> {
        let writes = entries.iter().flat_map(|entry| &entry.writes);
        let batch = Batch::of(self.dialect, writes, RowCheck::Required)?;
        match &self.group_commit {
            Some(group_commit) => group_commit.write(batch).await,
            // PostgreSQL takes it as one statement, which is a transaction of its own.
            None => {
                let run = async |on: &mut AnyConnection| batch.run(on).await.map_err(Error::of_commit);
                self.connection.use_for(run).await.map(|_| ())
            }
        }
    }
}

/// Whether one of several drafts is the cause, so that the others can be written without it. Where a lock was waited for in
/// vain, all would only wait again.
fn is_of_one(error: &Error) -> bool {
    match error {
        Error::RuleBroken(_) => true,
        Error::Unavailable(sqlx::Error::Database(error)) => error.code().as_deref().is_some_and(is_conflict),
        Error::Unavailable(_) | Error::Uncertain(_) | Error::Unreachable(_) | Error::Corrupt(_) | Error::Conflict => {
            false
        }
    }
}

impl QueuedTx {
    fn len(&self) -> usize {
        self.writes.iter().map(Write::len).sum()
    }
}
