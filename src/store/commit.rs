//! The one way in which decisions are written: all changes of one together, and only if everything that they are based on
//! is still as it was read.

use tokio::time::Instant;

use super::{
    Change, Changes, Error, Sealer, Store, StoreContext, api_calls, audit, customers, events,
    metrics::{EventCount, count, count_commit},
    operations, payment_intents, payment_methods, refunds,
    writes::Write,
};
use crate::domain::ids::Ids;

/// Why changes were not written. Nothing of them stands.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something has changed since it was read.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The database did not do as asked.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The rule by which changes do not fit what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another call has reserved under the idempotency key, or an operation of this id exists.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The partner has used the reference for another object of the kind.
    #[error("the reference is taken")]
    ReferenceTaken,
    /// An operation is held under another epoch, or is done.
    #[error("the operation is held by another")]
    LeaseLost,
    /// An object was written since it was read.
    #[error("an object has changed since it was read")]
    Stale,
    /// Another transaction held a row for longer than a commit waits.
    #[error("a row is locked by another transaction")]
    Locked,
}

impl Store {
    /// Makes `changes` durable together.
    ///
    /// # Errors
    /// [`Conflict`] when they do not fit what is stored any more: read again, and decide again. [`Error::Uncertain`] when the
    /// database did not say whether they stand: the same changes may be committed again, and conflict if they do.
    pub async fn commit(&self, changes: &Changes) -> Result<(), CommitError> {
        let StoreContext { sealer, ids, .. } = &*self.shared;
        let mut writes = Vec::new();
        for change in changes.iter() {
            writes.extend(write(change, ids, sealer)?);
        }
        if writes.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let written = self.write_batcher.write(writes).await;
        count_commit(&self.shared.telemetry, &written, started.elapsed());
        written?;
        let news: Vec<_> = changes.events().map(|event| EventCount::of(event.kind, &event.object)).collect();
        if !news.is_empty() {
            self.shared.signal.notify();
        }
        count(&self.shared.telemetry, &news);
        Ok(())
    }
}

/// The row of a change; `None` when it needs none.
fn write(change: &Change, ids: &Ids, sealer: &Sealer) -> Result<Option<Write>, Error> {
    Ok(match change {
        Change::ReserveOperation { operation, idempotency, answer } => {
            Some(operations::insertion(operation, idempotency.as_ref(), answer.as_ref(), sealer)?)
        }
        Change::FinishOperation { lease, answer, finished_at } => {
            Some(operations::finish(lease, answer, *finished_at, sealer)?)
        }
        Change::LeaveOperationOpen { lease, misses, next_check_at } => {
            Some(operations::leave_open(lease, *misses, *next_check_at))
        }
        Change::ReleaseOperation(lease) => Some(operations::release(lease)),
        Change::RenewLease(lease, lease_until) => Some(operations::renew(lease, *lease_until)),
        Change::PaymentIntent(intent, poll_at) => payment_intents::write(intent, *poll_at, sealer)?,
        Change::Refund(refund) => refunds::write(refund, sealer)?,
        Change::Customer(customer) => customers::write(customer, sealer)?,
        Change::PaymentMethod(method) => payment_methods::write(method, sealer)?,
        Change::ApiCall(call) => Some(api_calls::write(call, sealer)?),
        Change::AuditEntry(entry) => Some(audit::insertion(entry)),
        Change::OperatorCommand { id, operator, command, given_at } => {
            Some(audit::command_insertion(id, operator, command, *given_at))
        }
        Change::Event(event) => Some(events::insertion(event, ids, sealer)?),
    })
}
