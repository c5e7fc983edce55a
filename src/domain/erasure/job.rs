//! Erasures as they are carried out: who is forgotten, and how far that has come.

use std::time::Duration;

use crate::domain::{
    clock::Timestamp,
    customer::Customer,
    ids::{CustomerId, ErasureId, Ids, PartnerId, PaymentIntentId},
    risk::action::words,
};

words! {
    /// The stages of an erasure, in their order.
    ErasureStage {
        /// Everything that is stored is gone through.
        First => "first",
        /// The same again, for what calls have written that were under way.
        Again => "again",
        /// Nothing is left.
        Done => "done",
    }
}

/// The erasure of a customer. A customer has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Our id.
    pub id: ErasureId,
    /// The partner that the customer belongs to.
    pub partner_id: PartnerId,
    /// The customer.
    pub customer_id: CustomerId,
    /// How far it has come.
    pub stage: ErasureStage,
    /// The last intent of this stage that is done, by when it was made.
    pub done_until: Option<(Timestamp, PaymentIntentId)>,
    /// The public half of the key that asked for it.
    pub requested_by: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When its next step is due. While one is being taken, when another gateway may go on in its place.
    pub due_at: Timestamp,
    /// When nothing was left.
    pub finished_at: Option<Timestamp>,
    /// How many objects and records were emptied.
    pub emptied: i64,
    /// The number of its changes.
    pub revision: i64,
}

impl Erasure {
    /// A new one, due at once.
    pub fn of(customer: &Customer, requested_by: &str, now: Timestamp, ids: &Ids) -> Self {
        Self {
            id: ErasureId::generate(ids),
            partner_id: customer.partner_id.clone(),
            customer_id: customer.id.clone(),
            stage: ErasureStage::First,
            done_until: None,
            requested_by: requested_by.to_owned(),
            requested_at: now,
            due_at: now,
            finished_at: None,
            emptied: 0,
            revision: 1,
        }
    }

    /// Ends a stage. The second begins once no call can be under way any more that has read what was stored before the request:
    /// after `longest_call`.
    pub fn end_stage(&mut self, now: Timestamp, longest_call: Duration) {
        self.done_until = None;
        match self.stage {
            ErasureStage::First => {
                self.stage = ErasureStage::Again;
                self.due_at = now.max(self.requested_at + longest_call);
            }
            ErasureStage::Again | ErasureStage::Done => {
                self.stage = ErasureStage::Done;
                self.finished_at = Some(now);
            }
        }
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.stage == ErasureStage::Done
    }
}
