//! Drafts: transactions that lock nothing while they are made. A draft reads what is committed and gathers what it will
//! write; when it is committed, all of that is written at once, together with other drafts, provided that every payment
//! intent it has read is still as it was. Otherwise nothing of it is written, and [`Error::Conflict`] has its maker do the
//! same again in a transaction of its own, which waits for others instead of being overtaken by them.
//!
//! A draft reads nothing of what it will write itself, and an error that came up while it was made decides nothing: what
//! it would have written first, such as an idempotency key, is not known to be free before the commit.

use std::time::Instant;

use sqlx::{Any, AnyConnection, Pool, pool::PoolConnection};

use super::{
    Error, Tx,
    dialect::acquire,
    metrics::count_commit,
    read_batcher::{Lookup, ReadBatcher, SharedRows},
    write_batcher::WriteBatcher,
    writes::Write,
};
use crate::{
    domain::{ids::PaymentIntentId, payment_intent::PaymentIntent},
    telemetry::Telemetry,
};

/// A draft in the making.
pub(super) struct OptimisticTx {
    reader: Pool<Any>,
    connection: Option<PoolConnection<Any>>,
    read_batcher: ReadBatcher,
    write_batcher: WriteBatcher,
    writes: Vec<Write>,
    versions: Versions,
    /// Whether it cannot be written all at once.
    is_void: bool,
}

/// The payment intents that a draft has read or written, each with the version of its row.
#[derive(Clone, Default)]
pub struct Versions(Vec<TrackedIntent>);

#[derive(Clone)]
struct TrackedIntent {
    intent: PaymentIntent,
    /// Which version of its row is in the database; `None` as long as none is.
    row_version: Option<i64>,
    /// Whether the draft writes the next one.
    is_written: bool,
}

impl OptimisticTx {
    /// Reads by `lookups`, else from `reader`, and goes to the database by `gatherer`.
    pub(super) fn new(
        reader: Pool<Any>,
        read_batcher: ReadBatcher,
        write_batcher: WriteBatcher,
        versions: Versions,
    ) -> Self {
        Self { reader, connection: None, read_batcher, write_batcher, writes: Vec::new(), versions, is_void: false }
    }

    /// The connection that it reads on.
    pub(super) async fn connection(&mut self) -> Result<&mut AnyConnection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => acquire(&self.reader).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// The rows that `lookup` finds under `key`.
    pub(super) async fn rows(&mut self, lookup: &'static Lookup, key: &str) -> Result<SharedRows, Error> {
        self.read_batcher.rows(lookup, key).await
    }

    /// Adds a row to what will be written. Of one row, the last word counts.
    pub(super) fn push(&mut self, write: Write) {
        match self.writes.iter_mut().find(|earlier| earlier.id == write.id) {
            Some(earlier) if earlier.is_of(write.statement) => *earlier = write,
            // Statements that are run together do not see what the others write.
            Some(_) => self.is_void = true,
            None => self.writes.push(write),
        }
    }

    /// Writes everything, and the events.
    pub(super) async fn commit(mut self, events: Vec<Write>, telemetry: &Telemetry) -> Result<Versions, Error> {
        // Given back before another is waited for: the one that writes may be of the same pool.
        self.connection = None;
        // An intent that was read and not written may have changed since.
        if self.is_void || self.versions.0.iter().any(|tracked| !tracked.is_written) {
            return Err(Error::Conflict);
        }
        self.writes.extend(events);
        let started = Instant::now();
        let written = self.write_batcher.write(self.writes).await;
        count_commit(telemetry, &written, started.elapsed());
        written?;
        for tracked in &mut self.versions.0 {
            tracked.row_version = Some(tracked.row_version.map_or(0, |version| version + 1));
            tracked.is_written = false;
        }
        Ok(self.versions)
    }
}

impl Tx {
    /// An intent that a draft has read or written already.
    pub(super) fn tracked(&mut self, id: &PaymentIntentId) -> Option<PaymentIntent> {
        self.as_optimistic()?
            .versions
            .0
            .iter()
            .find(|tracked| tracked.intent.id == *id)
            .map(|tracked| tracked.intent.clone())
    }

    /// The version of an intent's row that a draft relies on; `None` in a transaction that has locked it.
    pub(super) fn row_version_of(&mut self, id: &PaymentIntentId) -> Option<i64> {
        self.as_optimistic()?.versions.0.iter().find(|tracked| tracked.intent.id == *id)?.row_version
    }

    /// Has a draft rely on an intent that was read.
    pub(super) fn track(&mut self, intent: &PaymentIntent, row_version: i64) {
        if let Some(draft) = self.as_optimistic() {
            let intent = intent.clone();
            draft.versions.0.push(TrackedIntent { intent, row_version: Some(row_version), is_written: false });
        }
    }

    /// Notes how a draft will leave an intent.
    pub(super) fn record(&mut self, intent: &PaymentIntent) {
        let Some(draft) = self.as_optimistic() else { return };
        let written = |row_version| TrackedIntent { intent: intent.clone(), row_version, is_written: true };
        match draft.versions.0.iter_mut().find(|tracked| tracked.intent.id == intent.id) {
            Some(tracked) => *tracked = written(tracked.row_version),
            None => draft.versions.0.push(written(None)),
        }
    }
}
