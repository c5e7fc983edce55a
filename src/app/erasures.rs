//! Erasing customers: the request, and the steps in which everything that is stored is gone through.

use std::time::Duration;

use serde_json::json;

use super::{
    call::Caller,
    customers::not_ready,
    decision::{CONFLICTS, Decision},
    payments::Payments,
};
use crate::{
    domain::{
        audit::{Actor, AuditAction, AuditEntry, Note},
        clock::Timestamp,
        erasure::job::{Erasure, ErasureSubject, PayerErasure},
        event::EventType,
        ids::{CustomerId, ErasureId, PaymentIntentId},
        operation::{SETTLE_MARGIN, WEBHOOK_LEASE},
        search_term::{SearchTerm, SearchedKind, TermHash},
    },
    error::{Error, Reason},
    store::{Change, CommitError, ListPosition, Tracked},
};

mod rewrite;

/// How many ids of what is under way a refusal names.
const MOST_NAMED: u32 = 10;
/// When it is worth asking again for the erasure of a customer whose payments are under way.
const UNDER_WAY_RETRY: Duration = Duration::from_secs(60);
/// How many customers with one email address are looked for at a time.
const CUSTOMERS_AT_A_TIME: u32 = 20;
/// How many customers with one email address one call begins to erase, about; a repeated call goes on.
const MOST_CUSTOMERS: usize = 200;
/// How many payments with one email address are looked at together.
const PAYMENTS_AT_A_TIME: u32 = 100;
/// How many payments one step goes through.
const PAYMENTS_A_STEP: u32 = 20;
/// How long a step may take before another gateway goes on in its place.
const STEP_LEASE: Duration = Duration::from_secs(60);
/// When a step is taken again that could not end, because somebody read what it has to empty.
const STEP_AGAIN: Duration = Duration::from_secs(5);

impl Payments {
    /// Begins to erase a customer, who is unreadable at once. Asked again, answers how far the erasure has come.
    pub async fn erase_customer(&self, caller: &Caller, id: CustomerId) -> Result<Erasure, Error> {
        for _ in 0..CONFLICTS {
            let mut session = self.store.read().await?;
            let customer = session.customer_tracked(&id).await?;
            let own = customer.filter(|customer| customer.partner_id == caller.partner_id);
            let mut customer = own.ok_or_else(|| Error::not_found("customer", id.as_str()))?;
            if let Some(erasure) = session.erasure_of(&id).await? {
                return Ok(erasure);
            }
            if customer.upstream_id.is_none() {
                return Err(not_ready(id.as_str()));
            }
            let open = session.under_way(&id, MOST_NAMED).await?;
            if !open.is_empty() {
                return Err(under_way(&open));
            }
            drop(session);
            let (mut decision, now) = (Decision::by(self.ids(), &[]), self.now());
            customer.erase(now);
            let subject = ErasureSubject::Customer(id.clone());
            let erasure = Erasure::of(&customer.partner_id, subject, &caller.key_id, now, self.ids());
            decision.changes.push(Change::Customer(customer));
            decision.changes.push(Change::Erasure(Tracked::new(erasure.clone())));
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(erasure),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same customer"))
    }

    /// Begins to erase the payer with this email address: the customers who have it, each with all that is theirs, and every payment
    /// that has it. Asked again, answers how far that has come.
    pub async fn erase_payer(&self, caller: &Caller, email: &str) -> Result<Vec<Erasure>, Error> {
        let (partner, term) = (&caller.partner_id, SearchTerm::email(email));
        let [hash] = self.store.term_hashes(partner, SearchedKind::PaymentIntent, std::slice::from_ref(&term))[..]
        else {
            return Err(Error::new(Reason::Internal, "an email address has no hash"));
        };
        let open = self.under_way_for(hash).await?;
        if !open.is_empty() {
            return Err(under_way(&open));
        }
        let mut erasures = Vec::new();
        loop {
            let found =
                self.store.ids_by_term(partner, SearchedKind::Customer, &term, None, CUSTOMERS_AT_A_TIME).await?;
            let ids: Vec<_> = found.iter().filter_map(|at| CustomerId::parse(&at.id)).collect();
            if ids.is_empty() || erasures.len() > MOST_CUSTOMERS {
                break;
            }
            for id in ids {
                erasures.push(self.erase_customer(caller, id).await?);
            }
        }
        erasures.push(self.erase_payments(caller, hash).await?);
        Ok(erasures)
    }

    /// Begins to erase the payments that are found by this hash.
    async fn erase_payments(&self, caller: &Caller, term: TermHash) -> Result<Erasure, Error> {
        for _ in 0..CONFLICTS {
            if let Some(erasure) = self.store.read().await?.erasure_of_payer(&caller.partner_id, term).await? {
                return Ok(erasure);
            }
            let subject = ErasureSubject::Payer(term);
            let erasure = Erasure::of(&caller.partner_id, subject, &caller.key_id, self.now(), self.ids());
            let mut decision = Decision::by(self.ids(), &[]);
            decision.changes.push(Change::Erasure(Tracked::new(erasure.clone())));
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(erasure),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "the same payer is erased by others"))
    }

    /// The payments under way that are found by this hash, as many as a refusal names.
    async fn under_way_for(&self, term: TermHash) -> Result<Vec<String>, Error> {
        let (mut open, mut after) = (Vec::new(), None);
        loop {
            let found = self.store.ids_by_hash(term, after.as_ref(), PAYMENTS_AT_A_TIME).await?;
            let ids: Vec<_> = found.iter().map(|at| at.id.clone()).collect();
            if !ids.is_empty() {
                open.extend(self.store.read().await?.under_way_among(&ids).await?);
            }
            open.truncate(MOST_NAMED as usize);
            after = found.into_iter().next_back();
            if after.is_none() || open.len() == MOST_NAMED as usize {
                return Ok(open);
            }
        }
    }

    /// Reads an erasure.
    pub async fn get_erasure(&self, caller: &Caller, id: ErasureId) -> Result<Erasure, Error> {
        let not_found = || Error::not_found("erasure", id.as_str());
        self.store.read().await?.erasure(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Takes the next step of the erasure that has been due for longest: at most [`PAYMENTS_A_STEP`] payments, each of which is
    /// noted, so that a step that breaks off is gone on with behind the last. Returns how many steps it took.
    pub async fn step_erasures(&self) -> Result<usize, Error> {
        let now = self.now();
        let claimed = self.store.claim_due_erasure(now, now + STEP_LEASE, self.longest_call()).await?;
        let Some(mut erasure) = claimed else { return Ok(0) };
        let payments = self.payments_to_erase(&erasure).await?;
        let is_last = payments.len() < PAYMENTS_A_STEP as usize;
        for (made_at, id) in payments {
            let emptied = self.erase_payment(&id).await?;
            erasure.emptied += emptied;
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
                let read = |at: ListPosition| Some((at.created_at, PaymentIntentId::parse(&at.id)?));
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
        let note = Note { by: Actor::read(&erasure.requested_by), reason: String::new() };
        let object = match &erasure.subject {
            ErasureSubject::Customer(id) => ("customer", id.as_str()),
            ErasureSubject::Payer(_) => ("payer", ""),
        };
        let entry = AuditEntry::new(self.ids(), self.now(), &note, AuditAction::PersonalDataErase, object)
            .to(&json!({"erasure": erasure.id.as_str(), "emptied": erasure.emptied}));
        Change::AuditEntry(Box::new(entry))
    }
}

/// Money is under way, or a call that saves a payment method.
fn under_way(open: &[String]) -> Error {
    let message = "payments of the customer are under way; they must end first";
    Error::new(Reason::PaymentsUnderWay, message).with("resource_ids", open.join(",")).retry_after(UNDER_WAY_RETRY)
}
