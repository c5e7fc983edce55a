//! Drafts: transactions that lock nothing while they are made. A draft reads what is committed and gathers what it will
//! write; when it is committed, all of that is written at once, together with other drafts, provided that every payment
//! intent it has read is still as it was. Otherwise nothing of it is written, and [`Error::Overtaken`] has its maker do the
//! same again in a transaction of its own, which waits for others instead of being overtaken by them.
//!
//! A draft reads nothing of what it will write itself, and an error that came up while it was made decides nothing: what
//! it would have written first, such as an idempotency key, is not known to be free before the commit.

use std::time::Instant;

use sqlx::{Any, AnyConnection, Pool, pool::PoolConnection};

use super::{
    Error, Tx,
    dialect::acquire,
    gather::Gatherer,
    lookups::{Lookup, Lookups, Rows},
    telemetry::count_draft,
    writes::Write,
};
use crate::{
    domain::{ids::PaymentIntentId, payment_intent::PaymentIntent},
    telemetry::Telemetry,
};

/// A draft in the making.
pub(super) struct Draft {
    reader: Pool<Any>,
    connection: Option<PoolConnection<Any>>,
    lookups: Lookups,
    gatherer: Gatherer,
    writes: Vec<Write>,
    known: Known,
    /// Whether it cannot be written all at once.
    is_void: bool,
}

/// The payment intents that a draft relies on, or has left behind.
#[derive(Clone, Default)]
pub struct Known(Vec<KnownIntent>);

#[derive(Clone)]
struct KnownIntent {
    intent: PaymentIntent,
    /// Which version of its row is in the database; `None` as long as none is.
    row_version: Option<i64>,
    /// Whether the draft writes the next one.
    is_written: bool,
}

impl Draft {
    /// Reads by `lookups`, else from `reader`, and goes to the database by `gatherer`.
    pub(super) fn new(reader: Pool<Any>, lookups: Lookups, gatherer: Gatherer, known: Known) -> Self {
        Self { reader, connection: None, lookups, gatherer, writes: Vec::new(), known, is_void: false }
    }

    /// What it reads on.
    pub(super) async fn connection(&mut self) -> Result<&mut AnyConnection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => acquire(&self.reader).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// The rows that `lookup` finds under `key`.
    pub(super) async fn rows(&mut self, lookup: &'static Lookup, key: &str) -> Result<Rows, Error> {
        self.lookups.rows(lookup, key).await
    }

    /// Adds a row to what will be written. Of one row, the last word counts.
    pub(super) fn gather(&mut self, write: Write) {
        match self.writes.iter_mut().find(|earlier| earlier.id == write.id) {
            Some(earlier) if earlier.is_of(write.statement) => *earlier = write,
            // Statements that are run together do not see what the others write.
            Some(_) => self.is_void = true,
            None => self.writes.push(write),
        }
    }

    /// Writes everything, and the events.
    pub(super) async fn commit(mut self, events: Vec<Write>, telemetry: &Telemetry) -> Result<Known, Error> {
        // Given back before another is waited for: the one that writes may be of the same pool.
        self.connection = None;
        // What was read and not written is not known to be still so.
        if self.is_void || self.known.0.iter().any(|known| !known.is_written) {
            return Err(Error::Overtaken);
        }
        self.writes.extend(events);
        let started = Instant::now();
        let written = self.gatherer.write(self.writes).await;
        count_draft(telemetry, &written, started.elapsed());
        written?;
        for known in &mut self.known.0 {
            known.row_version = Some(known.row_version.map_or(0, |version| version + 1));
            known.is_written = false;
        }
        Ok(self.known)
    }
}

impl Tx {
    /// What a draft knows of an intent without reading it.
    pub(super) fn known(&mut self, id: &PaymentIntentId) -> Option<PaymentIntent> {
        self.draft()?.known.0.iter().find(|known| known.intent.id == *id).map(|known| known.intent.clone())
    }

    /// The version of an intent's row that a draft relies on; `None` in a transaction that has locked it.
    pub(super) fn row_version_of(&mut self, id: &PaymentIntentId) -> Option<i64> {
        self.draft()?.known.0.iter().find(|known| known.intent.id == *id)?.row_version
    }

    /// Has a draft rely on an intent that was read.
    pub(super) fn rely_on(&mut self, intent: &PaymentIntent, row_version: i64) {
        if let Some(draft) = self.draft() {
            let intent = intent.clone();
            draft.known.0.push(KnownIntent { intent, row_version: Some(row_version), is_written: false });
        }
    }

    /// Notes how a draft will leave an intent.
    pub(super) fn will_be(&mut self, intent: &PaymentIntent) {
        let Some(draft) = self.draft() else { return };
        let written = |row_version| KnownIntent { intent: intent.clone(), row_version, is_written: true };
        match draft.known.0.iter_mut().find(|known| known.intent.id == intent.id) {
            Some(known) => *known = written(known.row_version),
            None => draft.known.0.push(written(None)),
        }
    }
}
