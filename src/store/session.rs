//! Sessions: a connection to the database that reads, or a transaction that also writes.

use std::{ops::DerefMut as _, sync::Arc};

use sqlx::{Any, AnyConnection, Transaction, pool::PoolConnection};

use super::{
    Error, Store, StoreContext, Versions,
    events::Cause,
    group_commit::WriterGuard,
    metrics::{self, EventCount},
    optimistic_tx::OptimisticTx,
    writes::{Batch, RowCheck, RowValues, Statement, Write},
};
use crate::domain::event::EventType;

/// A connection to the database, in a transaction or not.
pub struct Session<C> {
    pub(super) on: C,
    pub(super) shared: Arc<StoreContext>,
}

/// A session that reads; each statement sees what is committed when it begins.
pub type ReadSession = Session<PoolConnection<Any>>;
/// A session that writes. What is not committed when it is dropped never happened.
pub type Tx = Session<Writing>;

/// The connection that a transaction writes on, and the events that it emits.
pub struct Writing {
    mode: TxMode,
    /// The events it emits, written when it is committed.
    events: Vec<Write>,
    /// The same, to be counted once they are durable.
    counts: Vec<EventCount>,
    /// The operations that events come from.
    pub(super) causes: Vec<Cause>,
}

/// The ways in which a transaction is made.
enum TxMode {
    /// On a connection of its own.
    Own(Transaction<'static, Any>),
    /// On SQLite's one writer, for a turn.
    Shared(WriterGuard),
    /// With others, when it is committed.
    Optimistic(OptimisticTx),
}

/// The connection of a session.
pub trait Connected: Send {
    /// The connection, which is there from the first time on that it is asked for.
    fn connection(&mut self) -> impl Future<Output = Result<&mut AnyConnection, Error>> + Send;
}

impl Connected for PoolConnection<Any> {
    async fn connection(&mut self) -> Result<&mut AnyConnection, Error> {
        Ok(self)
    }
}

impl Connected for Writing {
    async fn connection(&mut self) -> Result<&mut AnyConnection, Error> {
        match &mut self.mode {
            TxMode::Own(transaction) => Ok(transaction.deref_mut()),
            TxMode::Shared(guard) => Ok(guard),
            TxMode::Optimistic(draft) => draft.connection().await,
        }
    }
}

/// How often a change is made of which the database does not say whether it stands.
const CHANGE_TRIES: u32 = 3;

impl Store {
    /// Makes a `change` in a transaction of its own; returns whether there was anything to change. Where the database does not
    /// say whether it stands, it is made again: it must change nothing where it stands, and wait for itself.
    pub async fn change(&self, change: impl AsyncFn(&mut Tx) -> Result<bool, Error>) -> Result<bool, Error> {
        let (mut has_changed, mut tries) = (false, 0);
        loop {
            tries += 1;
            let mut tx = self.begin().await?;
            has_changed |= change(&mut tx).await?;
            match tx.commit().await {
                Err(Error::Uncertain(_)) if tries < CHANGE_TRIES => {}
                committed => return committed.map(|()| has_changed),
            }
        }
    }
}

impl<C: Connected> Session<C> {
    /// The connection that it reads on.
    pub(super) async fn connection(&mut self) -> Result<&mut AnyConnection, Error> {
        self.on.connection().await
    }
}

impl Writing {
    pub(super) fn own(transaction: Transaction<'static, Any>) -> Self {
        Self::on(TxMode::Own(transaction))
    }

    pub(super) fn shared(guard: WriterGuard) -> Self {
        Self::on(TxMode::Shared(guard))
    }

    pub(super) fn optimistic(draft: OptimisticTx) -> Self {
        Self::on(TxMode::Optimistic(draft))
    }

    fn on(mode: TxMode) -> Self {
        Self { mode, events: Vec::new(), counts: Vec::new(), causes: Vec::new() }
    }
}

impl Tx {
    /// The connection that it writes on at once. A draft has none: a write that cannot wait for its commit makes it void.
    pub(super) async fn writer(&mut self) -> Result<&mut AnyConnection, Error> {
        if self.is_optimistic() { Err(Error::Conflict) } else { self.connection().await }
    }

    /// Writes a row. `false`: it was not to be written, as its statement has it. A draft learns of that when it is committed.
    pub(super) async fn write(
        &mut self,
        statement: &'static Statement,
        id: &str,
        row: RowValues,
    ) -> Result<bool, Error> {
        let write = Write::new(statement, id, row);
        if let Some(draft) = self.as_optimistic() {
            draft.push(write);
            return Ok(true);
        }
        let written = self.write_all(&[write]).await?;
        Ok(written == 1)
    }

    /// Writes rows of one statement at once, and returns how many were written.
    pub(super) async fn write_all(&mut self, writes: &[Write]) -> Result<u64, Error> {
        if writes.is_empty() {
            return Ok(0);
        }
        let batch = Batch::of(self.shared.dialect, writes, RowCheck::Counted)?;
        batch.run(self.writer().await?).await
    }

    /// Emits an event.
    pub(super) fn emit(&mut self, counts: EventCount, event: Write) {
        self.on.events.push(event);
        self.on.counts.push(counts);
    }

    /// Whether it has emitted an event of this kind about this object.
    pub(super) fn has_emitted(&self, kind: EventType, object_id: &str) -> bool {
        self.on.counts.iter().any(|counts| counts.kind == kind && counts.object_id == object_id)
    }

    /// Whether it is a draft.
    pub(super) fn is_optimistic(&self) -> bool {
        matches!(self.on.mode, TxMode::Optimistic(_))
    }

    pub(super) fn as_optimistic(&mut self) -> Option<&mut OptimisticTx> {
        if let TxMode::Optimistic(draft) = &mut self.on.mode { Some(draft) } else { None }
    }

    /// Makes everything that was done in this transaction durable.
    pub async fn commit(self) -> Result<(), Error> {
        self.commit_versions().await.map(|_| ())
    }

    /// The same; answers with what a draft knows of the intents that it moved, for the next draft.
    pub async fn commit_versions(mut self) -> Result<Versions, Error> {
        if !self.is_optimistic() {
            // Last of all: the events' sequence is locked from here on.
            let events = std::mem::take(&mut self.on.events);
            self.write_all(&events).await?;
        }
        let Writing { mode, events, counts, .. } = self.on;
        let versions = match mode {
            TxMode::Own(transaction) => transaction
                .commit()
                .await
                .map(|()| Versions::default())
                .map_err(|error| Error::of_commit(error.into()))?,
            TxMode::Shared(guard) => guard.commit().await.map(|()| Versions::default())?,
            TxMode::Optimistic(draft) => draft.commit(events, &self.shared.telemetry).await?,
        };
        if !counts.is_empty() {
            self.shared.signal.notify();
        }
        metrics::count(&self.shared.telemetry, &counts);
        Ok(versions)
    }
}
