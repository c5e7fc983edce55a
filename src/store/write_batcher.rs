//! Commits on their way to the database: all that wait are written together, in one transaction with one flush. One that
//! cannot be written takes none of the others with it.

use std::collections::HashSet;

use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use super::{
    CommitError, Dialect, Error,
    lock_step::Pace,
    pinned_connection::PinnedConnection,
    sqlite_writer::SqliteWriter,
    writes::{Write, write_together},
};
use crate::task;

/// Commits that may wait in each lane. It is never reached: each is of a call under way, which `rpc/` bounds, of a webhook on an
/// open connection, which `http/` bounds, or of a worker, which waits for it.
const QUEUE: usize = 1024;
/// Commits that are written together at most, those that may wait not counted.
const TOGETHER: usize = 128;
/// Of the commits that may wait, how many are written with the others, however many those are.
const PATIENT_SHARE: usize = 32;
/// Bytes of rows that are written together at most, but for the last commit, which may exceed them.
const TOGETHER_BYTES: usize = 1 << 20;

/// Takes commits in. There are two lanes: commits of calls go before those for which no call waits, such as those of webhooks,
/// so that a flood of the latter delays a call by one batch at most.
#[derive(Clone)]
pub(super) struct WriteBatcher {
    urgent: mpsc::Sender<QueuedCommit>,
    patient: mpsc::Sender<QueuedCommit>,
}

/// A commit that waits.
struct QueuedCommit {
    writes: Vec<Write>,
    reply: oneshot::Sender<Result<(), CommitError>>,
}

/// Writes the commits that were taken in.
pub(super) struct BatchWriter {
    pub(super) dialect: Dialect,
    pub(super) pace: Pace,
    pub(super) connection: PinnedConnection,
    /// SQLite's one writer, which is used instead.
    pub(super) sqlite_writer: Option<SqliteWriter>,
}

impl WriteBatcher {
    /// Begins to write; ends when the last clone of this is gone.
    pub(super) fn start(writer: BatchWriter) -> Self {
        let ((urgent, urgent_lane), (patient, patient_lane)) = (Lane::new(), Lane::new());
        task::spawn("write batcher", writer.work(urgent_lane, patient_lane));
        Self { urgent, patient }
    }

    /// Writes the rows of one decision; returns when they are durable, or certain not to be written.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let (reply, response) = oneshot::channel();
        let lane = if writes.iter().all(Write::is_patient) { &self.patient } else { &self.urgent };
        lane.send(QueuedCommit { writes, reply }).await.map_err(|_| Error::gone())?;
        response.await.map_err(|_| Error::gone())?
    }
}

impl BatchWriter {
    async fn work(self, mut urgent: Lane, mut patient: Lane) {
        loop {
            let has_any = tokio::select! {
                biased;
                true = urgent.has_any() => true,
                true = patient.has_any() => true,
                else => false,
            };
            if !has_any {
                return;
            }
            self.write(gather(&mut urgent, &mut patient)).await;
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
        // Nobody listens when the caller's task has died.
        match written {
            Ok(()) => entries.into_iter().for_each(|entry| drop(entry.reply.send(Ok(())))),
            Err(error) => {
                let same = error.share();
                entries.into_iter().for_each(|entry| drop(entry.reply.send(Err(same()))));
            }
        }
    }

    async fn try_to_write(&self, entries: &[QueuedCommit]) -> Result<(), CommitError> {
        let writes = entries.iter().flat_map(|entry| &entry.writes);
        let run = async |on: &mut AnyConnection| write_together(self.dialect, writes, on).await;
        match &self.sqlite_writer {
            Some(writer) => {
                let mut on = writer.lock().await?;
                let written = self.pace.keep(run(&mut on)).await;
                Ok(on.end(written).await??)
            }
            None => Ok(self.connection.use_for(run).await??),
        }
    }
}

/// The commits that are written next, together.
fn gather(urgent: &mut Lane, patient: &mut Lane) -> Vec<QueuedCommit> {
    let mut batch = Gathered::default();
    urgent.move_into(&mut batch, TOGETHER);
    let most = TOGETHER.max(batch.commits.len() + PATIENT_SHARE);
    patient.move_into(&mut batch, most);
    batch.commits
}

/// Commits in the order in which they came.
struct Lane {
    receiver: mpsc::Receiver<QueuedCommit>,
    /// Came before those in the channel.
    first: Option<QueuedCommit>,
}

impl Lane {
    fn new() -> (mpsc::Sender<QueuedCommit>, Self) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (sender, Self { receiver, first: None })
    }

    /// Waits until there is a commit. `false`: there will be none any more.
    async fn has_any(&mut self) -> bool {
        if self.first.is_none() {
            self.first = self.receiver.recv().await;
        }
        self.first.is_some()
    }

    /// Moves the commits that wait into `batch` until it has `most`.
    fn move_into(&mut self, batch: &mut Gathered, most: usize) {
        while batch.commits.len() < most && batch.bytes < TOGETHER_BYTES {
            let Some(next) = self.first.take().or_else(|| self.receiver.try_recv().ok()) else { return };
            if let Err(next) = batch.add(next) {
                self.first = Some(next);
                return;
            }
        }
    }
}

/// Commits that are written together. No two of them write the same row: statements that go together do not see what the others
/// write.
#[derive(Default)]
struct Gathered {
    commits: Vec<QueuedCommit>,
    rows: HashSet<String>,
    bytes: usize,
}

impl Gathered {
    /// Adds a commit, or returns it where it writes a row that another does.
    fn add(&mut self, commit: QueuedCommit) -> Result<(), QueuedCommit> {
        if commit.rows().any(|row| self.rows.contains(row)) {
            return Err(commit);
        }
        self.rows.extend(commit.rows().map(str::to_owned));
        self.bytes += commit.len();
        self.commits.push(commit);
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::writes::{Rank, RowValues};

    /// A lane with a commit of each of these rows.
    fn lane(rank: Rank, rows: impl IntoIterator<Item = u32>) -> Lane {
        let (sender, lane) = Lane::new();
        for row in rows {
            let writes = vec![Write::new(rank, &row.to_string(), RowValues::new())];
            assert!(sender.try_send(QueuedCommit { writes, reply: oneshot::channel().0 }).is_ok());
        }
        lane
    }

    /// The rows of the next batch.
    fn next(urgent: &mut Lane, patient: &mut Lane) -> Vec<u32> {
        let batch = gather(urgent, patient);
        batch.iter().flat_map(QueuedCommit::rows).map(|row| row.parse().unwrap()).collect()
    }

    #[test]
    fn calls_go_before_a_flood_of_webhooks_and_leave_them_a_share() {
        let mut webhooks = lane(Rank::WebhookArrival, 1000..1500);
        let mut calls = lane(Rank::OperationInsert, 0..200);
        assert_eq!(next(&mut calls, &mut webhooks), (0..128).chain(1000..1032).collect::<Vec<_>>());
        assert_eq!(next(&mut calls, &mut webhooks), (128..200).chain(1032..1088).collect::<Vec<_>>());
        assert_eq!(next(&mut calls, &mut webhooks), (1088..1216).collect::<Vec<_>>());
    }

    #[test]
    fn commits_of_one_row_are_written_one_after_the_other() {
        let (mut calls, mut webhooks) = (lane(Rank::OperationInsert, []), lane(Rank::WebhookArrival, [1, 2, 1, 3]));
        assert_eq!(next(&mut calls, &mut webhooks), [1, 2]);
        assert_eq!(next(&mut calls, &mut webhooks), [1, 3]);
    }
}
