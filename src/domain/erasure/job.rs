//! Erasures as they are carried out: who is forgotten, and how far that has come.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    audit::Note,
    clock::Timestamp,
    ids::{CustomerId, ErasureId, PartnerId, PaymentIntentId},
    search_term::TermHash,
    words::words,
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

/// The person who is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureSubject {
    /// A customer, with its payments and payment methods. A customer has at most one erasure.
    Customer(CustomerId),
    /// The payments that have an email address, by the hash that they are found by.
    Payer(TermHash),
}

/// The erasure of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Our id.
    pub id: ErasureId,
    /// The partner that the person's objects belong to.
    pub partner_id: PartnerId,
    /// The person.
    pub subject: ErasureSubject,
    /// How far it has come.
    pub stage: ErasureStage,
    /// The last intent of this stage that is done, by when it was made. Of a payer none: what is done is found no more.
    pub done_until: Option<(Timestamp, PaymentIntentId)>,
    /// The author of the request: the public half of a key, or an operator with a machine.
    pub requested_by: String,
    /// Why, in the author's words; may be empty.
    pub reason: String,
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
    pub fn of(id: ErasureId, partner: &PartnerId, subject: ErasureSubject, note: &Note, now: Timestamp) -> Self {
        Self {
            id,
            partner_id: partner.clone(),
            subject,
            stage: ErasureStage::First,
            done_until: None,
            requested_by: note.by.to_string(),
            reason: note.reason.clone(),
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

    /// The customer, when it is one.
    pub fn customer(&self) -> Option<&CustomerId> {
        match &self.subject {
            ErasureSubject::Customer(id) => Some(id),
            ErasureSubject::Payer(_) => None,
        }
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.stage == ErasureStage::Done
    }
}

/// The erasure of a payer, as an event shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PayerErasure {
    /// Its id.
    pub id: ErasureId,
    /// The partner that the payments belong to.
    pub partner_id: PartnerId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When nothing was left.
    pub finished_at: Option<Timestamp>,
    /// How many objects and records were emptied.
    pub emptied: i64,
}

impl From<&Erasure> for PayerErasure {
    fn from(erasure: &Erasure) -> Self {
        Self {
            id: erasure.id.clone(),
            partner_id: erasure.partner_id.clone(),
            requested_at: erasure.requested_at,
            finished_at: erasure.finished_at,
            emptied: erasure.emptied,
        }
    }
}
