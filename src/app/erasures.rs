//! Erasing customers: the request, and the steps in which everything that is stored is gone through.

use std::time::Duration;

use super::{
    call::Caller,
    customers::not_ready,
    decision::{CONFLICTS, Decision},
    payments::Payments,
};
use crate::{
    domain::{
        audit::Operator,
        erasure::job::Erasure,
        event::EventType,
        ids::{AuditEntryId, CustomerId, ErasureId},
        operation::{SETTLE_MARGIN, WEBHOOK_LEASE},
    },
    error::{Error, Reason},
    store::{Change, CommitError, Tracked},
};

mod rewrite;

/// How many ids of what is under way a refusal names.
const MOST_NAMED: u32 = 10;
/// When it is worth asking again for the erasure of a customer whose payments are under way.
const UNDER_WAY_RETRY: Duration = Duration::from_secs(60);
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
            let erasure = Erasure::of(&customer, &caller.key_id, now, self.ids());
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
        let mut session = self.store.read().await?;
        let after = erasure.done_until.clone();
        let payments = session.payment_intents_made(&erasure.customer_id, after.as_ref(), PAYMENTS_A_STEP).await?;
        drop(session);
        let is_last = payments.len() < PAYMENTS_A_STEP as usize;
        for (made_at, id) in payments {
            let emptied = self.erase_payment(&id).await?;
            erasure.emptied += emptied;
            erasure.done_until = Some((made_at, id));
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

    /// Empties what is the customer's own, and ends the stage.
    async fn end_stage(&self, erasure: &mut Tracked<Erasure>) -> Result<(), Error> {
        let emptied = self.erase_own(&erasure.customer_id.clone()).await?;
        erasure.emptied += emptied;
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
        let (mut decision, now) = (Decision::by(self.ids(), &[]), self.now());
        if erasure.is_done() {
            let shell = self.store.read().await?.customer_any(&erasure.customer_id).await?;
            if let Some(customer) = shell {
                decision.changes.emit(EventType::CustomerErased, customer, now);
            }
            decision.changes.push(self.audited(erasure));
            tracing::info!(erasure = %erasure.id, customer = %erasure.customer_id, emptied = erasure.emptied,
                "a customer was erased");
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

    /// How long after the request a call may write what it has read before it: its sending, its settling, and the webhooks that
    /// were being processed.
    fn longest_call(&self) -> Duration {
        self.send_limit + SETTLE_MARGIN + WEBHOOK_LEASE
    }

    /// The entry of the audit for an erasure that has ended.
    fn audited(&self, erasure: &Erasure) -> Change {
        Change::OperatorCommand {
            id: AuditEntryId::generate(self.ids()),
            operator: Operator { user: erasure.requested_by.clone(), host: String::new() },
            command: format!("EraseCustomer {}", erasure.customer_id),
            given_at: self.now(),
        }
    }
}

/// Money is under way, or a call that saves a payment method.
fn under_way(open: &[String]) -> Error {
    let message = "payments of the customer are under way; they must end first";
    Error::new(Reason::PaymentsUnderWay, message).with("resource_ids", open.join(",")).retry_after(UNDER_WAY_RETRY)
}
