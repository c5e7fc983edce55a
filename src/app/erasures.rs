//! The steps of erasures, in which everything that is stored is gone through.

use std::time::Duration;

use serde_json::json;

use super::{decision::Decision, payments::Payments};
use crate::{
    domain::{
        audit::{Actor, AuditAction, AuditEntry, Note},
        clock::Timestamp,
        erasure::job::{Erasure, ErasureSubject, PayerErasure},
        event::EventType,
        ids::PaymentIntentId,
        operation::{SETTLE_MARGIN, WEBHOOK_LEASE},
    },
    error::Error,
    store::{Change, CommitError, ListPosition, Tracked},
};

mod rewrite;
mod vacuum;

/// How many payments one step goes through.
const PAYMENTS_A_STEP: u32 = 20;
/// How long a step may take before another gateway goes on in its place.
const STEP_LEASE: Duration = Duration::from_secs(60);
/// When a step is taken again that could not end, because somebody read what it has to empty.
const STEP_AGAIN: Duration = Duration::from_secs(5);

impl Payments {
    /// Takes the next step of the erasure that has been due for longest: at most [`PAYMENTS_A_STEP`] payments, each of which is
    /// noted, so that a step that breaks off is gone on with behind the last. Returns how many steps it took.
    pub async fn step_erasures(&self) -> Result<usize, Error> {
        let now = self.now();
        let claimed = self.store.claim_due_erasure(now, now + STEP_LEASE, self.longest_call()).await?;
        let Some(mut erasure) = claimed else { return Ok(0) };
        let payments = self.payments_to_erase(&erasure).await?;
        let is_last = payments.len() < PAYMENTS_A_STEP as usize;
        for (made_at, id) in payments {
            erasure.emptied += self.empty_payment(&id, None).await?.rows;
            erasure.done_until = erasure.customer().is_some().then_some((made_at, id));
            erasure.due_at = self.now() + STEP_LEASE;
            if !self.note(&mut erasure).await? {
                return Ok(1);
            }
        }
        if is_last {
            self.end_stage(&mut erasure).await?;
        } else {
            erasure.due_at = self.now();
        }
        self.note(&mut erasure).await?;
        Ok(1)
    }

    /// The next payments of an erasure. Those of a payer are found by the email address until they are empty.
    async fn payments_to_erase(&self, erasure: &Erasure) -> Result<Vec<(Timestamp, PaymentIntentId)>, Error> {
        match &erasure.subject {
            ErasureSubject::Customer(id) => {
                let (mut session, after) = (self.store.read().await?, erasure.done_until.as_ref());
                Ok(session.payment_intents_made(id, after, PAYMENTS_A_STEP).await?)
            }
            ErasureSubject::Payer(term) => {
                let found = self.store.ids_by_hash(*term, None, PAYMENTS_A_STEP).await?;
                let read = |at: ListPosition| Some((at.moment, PaymentIntentId::parse(&at.id)?));
                Ok(found.into_iter().filter_map(read).collect())
            }
        }
    }

    /// Empties what is the customer's own, and ends the stage.
    async fn end_stage(&self, erasure: &mut Tracked<Erasure>) -> Result<(), Error> {
        if let Some(customer) = erasure.customer().cloned() {
            let emptied = self.erase_own(&customer).await?;
            erasure.emptied += emptied;
        }
        if self.store.empty_log().await? {
            let (now, longest_call) = (self.now(), self.longest_call());
            erasure.end_stage(now, longest_call);
        } else {
            erasure.due_at = self.now() + STEP_AGAIN;
        }
        Ok(())
    }

    /// Makes durable how far an erasure has come; with its end, who asked for it, and the event. `false`: another gateway has
    /// taken it over.
    async fn note(&self, erasure: &mut Tracked<Erasure>) -> Result<bool, Error> {
        erasure.revision += 1;
        let mut decision = Decision::by(self.ids(), &[]);
        if erasure.is_done() {
            self.tell_end(erasure, &mut decision).await?;
        }
        decision.changes.push(Change::Erasure(erasure.clone()));
        match decision.commit(&self.store).await {
            Ok(()) => {
                erasure.mark_committed();
                if erasure.is_done() {
                    self.vacuum.want();
                }
                Ok(true)
            }
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }

    /// Adds the event about the end of an erasure, and who asked for it.
    async fn tell_end(&self, erasure: &Erasure, decision: &mut Decision) -> Result<(), Error> {
        let now = self.now();
        match &erasure.subject {
            ErasureSubject::Customer(id) => {
                if let Some(shell) = self.store.read().await?.customer_any(id).await? {
                    decision.changes.emit(EventType::CustomerErased, shell, now);
                }
            }
            ErasureSubject::Payer(_) => {
                decision.changes.emit(EventType::PayerErased, PayerErasure::from(erasure), now);
            }
        }
        decision.changes.push(self.audited(erasure));
        tracing::info!(erasure = %erasure.id, emptied = erasure.emptied, "a person was erased");
        Ok(())
    }

    /// How long after the request a call may write what it has read before it: its sending, its settling, and the webhooks that
    /// were being processed.
    fn longest_call(&self) -> Duration {
        self.send_limit + SETTLE_MARGIN + WEBHOOK_LEASE
    }

    /// The entry of the audit for an erasure that has ended.
    fn audited(&self, erasure: &Erasure) -> Change {
        let note = Note { by: Actor::read(&erasure.requested_by), reason: erasure.reason.clone() };
        let object = match &erasure.subject {
            ErasureSubject::Customer(id) => ("customer", id.as_str()),
            ErasureSubject::Payer(_) => ("payer", ""),
        };
        let entry = AuditEntry::new(self.ids(), self.now(), &note, AuditAction::PersonalDataErase, object)
            .to(&json!({"erasure": erasure.id.as_str(), "emptied": erasure.emptied}));
        Change::AuditEntry(Box::new(entry))
    }
}
