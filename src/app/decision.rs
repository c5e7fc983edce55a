//! A decision of a use case: the changes it makes, and the remarks for the log, which are written once the changes stand.

use crate::{
    domain::{
        event::{EventObject, EventType},
        ids::{Ids, PaymentIntentId},
        operation::Operation,
    },
    store::{Changes, CommitError, NewEvent, Store},
};

/// How often something is decided anew because its objects have changed since they were read. Decisions about one payment wait
/// for each other within a gateway, so that only other gateways come between.
pub(super) const CONFLICTS: u32 = 64;

/// Changes with the remarks on them.
pub(super) struct Decision {
    /// The changes.
    pub changes: Changes,
    ids: Ids,
    remarks: Vec<Remark>,
}

/// A remark for the log that no event makes.
pub(super) enum Remark {
    /// Corefy's answer contradicts the record of a payment, for the first time or again.
    Contradicted {
        /// The payment.
        payment_intent: PaymentIntentId,
        /// The contradiction in a few words.
        why: &'static str,
        /// Whether an earlier answer contradicted it too.
        is_confirmed: bool,
    },
}

impl Decision {
    /// No changes yet, by these operations: events about their objects name them.
    pub fn by(ids: &Ids, operations: &[Operation]) -> Self {
        Self { changes: Changes::by(operations), ids: ids.clone(), remarks: Vec::new() }
    }

    /// The source of ids, for objects that come of the decision.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Adds a remark.
    pub fn remark(&mut self, remark: Remark) {
        self.remarks.push(remark);
    }

    /// Makes it durable, and then has the log say what it was.
    pub async fn commit(&self, store: &Store) -> Result<(), CommitError> {
        store.commit(&self.changes).await?;
        self.changes.events().for_each(log_event);
        self.remarks.iter().for_each(log_remark);
        Ok(())
    }
}

/// Logs an event that asks for attention.
fn log_event(event: &NewEvent) {
    let news = event.kind.as_str();
    match (&event.object, event.kind) {
        (EventObject::Operation(operation), _) => {
            let (kind, subject) = (operation.kind.as_str(), operation.subject_id.as_str());
            tracing::warn!(operation = %operation.id, kind, subject, news);
        }
        (object, EventType::PaymentIntentOverdue) => {
            let payment_intent = object.id();
            tracing::warn!(payment_intent, "the payment has had no outcome for a week; an operator has to look");
        }
        _ => {}
    }
}

fn log_remark(remark: &Remark) {
    let Remark::Contradicted { payment_intent, why, is_confirmed } = remark;
    if *is_confirmed {
        tracing::error!(%payment_intent, why, "Corefy contradicts the gateway's record; an operator has to look");
    } else {
        tracing::warn!(%payment_intent, why, "Corefy contradicts the gateway's record; asking again");
    }
}
