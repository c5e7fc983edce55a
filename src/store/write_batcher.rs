//! Commits on their way to the database: all that wait are written together (`batch_writer.rs`).

use std::collections::HashSet;

use tokio::sync::{mpsc, oneshot};

use super::{CommitError, Error, writes::Write};

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
pub(super) struct QueuedCommit {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<(), CommitError>>,
}

impl WriteBatcher {
    /// The batcher, and its lanes: those of calls, and those for which no call waits.
    pub(super) fn new() -> (Self, Lane, Lane) {
        let ((urgent, urgent_lane), (patient, patient_lane)) = (Lane::new(), Lane::new());
        (Self { urgent, patient }, urgent_lane, patient_lane)
    }

    /// Writes the rows of one decision; returns when they are durable, or certain not to be written.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let (reply, response) = oneshot::channel();
        let lane = if writes.iter().all(Write::is_patient) { &self.patient } else { &self.urgent };
        lane.send(QueuedCommit { writes, reply }).await.map_err(|_| Error::gone())?;
        response.await.map_err(|_| Error::gone())?
    }
}

/// The commits that are written next, together.
pub(super) fn gather(urgent: &mut Lane, patient: &mut Lane) -> Vec<QueuedCommit> {
    let mut batch = Gathered::default();
    urgent.move_into(&mut batch, TOGETHER);
    let most = TOGETHER.max(batch.commits.len() + PATIENT_SHARE);
    patient.move_into(&mut batch, most);
    batch.commits
}

/// Commits in the order in which they came.
pub(super) struct Lane {
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
    pub(super) async fn has_any(&mut self) -> bool {
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
