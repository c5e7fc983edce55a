//! Writes commits in batches: all that wait in one transaction with one flush. One that cannot be written takes none of the
//! others with it.

use std::sync::Arc;

use sqlx::AnyConnection;

use super::{
    CommitError, Dialect,
    lock_step::Pace,
    pinned_connection::PinnedConnection,
    sqlite_writer::SqliteWriter,
    write_batcher::{Lane, QueuedCommit, WriteBatcher, gather},
    writes::write_together,
};
use crate::task;

/// Writes the commits that were taken in.
pub(super) struct BatchWriter {
    pub(super) dialect: Dialect,
    pub(super) pace: Pace,
    pub(super) connection: PinnedConnection,
    /// SQLite's one writer, which is used instead.
    pub(super) sqlite_writer: Option<Arc<SqliteWriter>>,
}

impl BatchWriter {
    /// Begins to write; ends when the last clone of the batcher is gone.
    pub(super) fn start(self) -> WriteBatcher {
        let (batcher, urgent, patient) = WriteBatcher::new();
        task::spawn("write batcher", self.work(urgent, patient));
        batcher
    }

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
