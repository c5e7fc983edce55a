//! The journal as an operator sees it: what is not known yet, and its manual resolution. Needs the database but
//! not Corefy.

use super::{
    customers, payment_intents, payment_methods,
    perform::{Command, Outcome, Verdict, conclude},
    reconcile::poll_at,
    refunds,
};
use crate::{
    domain::{
        audit::{AuditEntry, Operator},
        clock::{Clock, Timestamp},
        event::Event,
        event_filter::EventFilter,
        ids::{AuditEntryId, CustomerId, OperationId, PaymentIntentId, PaymentMethodId, RefundId},
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::PaymentIntent,
        refund::Refund,
        resolution::{StatedOutcome, Unresolvable},
    },
    error::Error,
    store::{OperationFilter, OperationRecord, Store, Tx},
};

/// How many payments one transaction of a recheck goes through.
const RECHECK_STEP: u32 = 500;
/// How many events of an operation's object are shown.
const EVENTS: u32 = 100;

/// The statement of an operator.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The outcome of the operation.
    pub outcome: StatedOutcome,
    /// The amount that a confirmation which succeeded received, as a decimal of the intent's currency; `None`: all of it.
    pub received: Option<String>,
    /// How the operator knows; goes into the audit log.
    pub reason: String,
    /// The operator.
    pub operator: Operator,
}

/// Why an operation was not resolved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such operation.
    #[error("there is no operation {0}; one that finished is kept for GATEWAY_OPERATION_RETENTION_DAYS")]
    NotFound(OperationId),
    /// It cannot be resolved as stated.
    #[error(transparent)]
    Unresolvable(#[from] Unresolvable),
    /// The received amount is none of the intent's currency.
    #[error("the received amount {0}")]
    Amount(String),
    /// An object that is created and moves no money can only have failed: whether it exists, recovery finds out.
    #[error("a {} that succeeded is found out by asking Corefy; only `failed` can be stated of it", .0.as_str())]
    Creation(OperationKind),
    /// The gateway has begun to find out about it at this moment.
    #[error("the gateway is asking Corefy about it at this moment; look again in a minute")]
    Claimed,
    /// The database did not do as asked.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::store::Error> for ResolveError {
    fn from(error: crate::store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The facts about an object, by name and value.
pub type Facts = Vec<(&'static str, String)>;

/// An operation with all that is known of it.
#[derive(Debug)]
pub struct OperationDetail {
    /// The operation.
    pub stored: OperationRecord,
    /// The object it is about.
    pub object: Facts,
    /// The events of that object, oldest first.
    pub events: Vec<Event>,
    /// The operators' decisions about the operation, oldest first.
    pub decisions: Vec<AuditEntry>,
}

/// The operator's commands on the journal.
pub struct OperationAdmin {
    store: Store,
    clock: Clock,
}

impl OperationAdmin {
    /// On this database.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The operations whose outcome is not known, oldest first, at most `limit`.
    pub async fn list(&self, filter: &OperationFilter, limit: u32) -> Result<Vec<OperationRecord>, Error> {
        Ok(self.store.read().await?.operations(filter, limit).await?)
    }

    /// All there is to know of an operation; `None` when there is none.
    pub async fn show(&self, id: &OperationId) -> Result<Option<OperationDetail>, Error> {
        let mut session = self.store.read().await?;
        let Some(stored) = session.operation(id).await? else { return Ok(None) };
        let filter = EventFilter { object_id: Some(stored.operation.subject_id.clone()), ..EventFilter::default() };
        let events = session.events(&stored.operation.partner_id, &filter, (0, None), EVENTS).await?;
        let decisions = session.audit_of(id).await?;
        drop(session);
        let object = self.object(&stored.operation).await?;
        Ok(Some(OperationDetail { stored, object, events, decisions }))
    }

    /// The facts about the operation's object, without personal data.
    async fn object(&self, operation: &Operation) -> Result<Facts, Error> {
        let (mut session, id) = (self.store.read().await?, operation.subject_id.as_str());
        if let Some(id) = PaymentIntentId::parse(id) {
            return Ok(session.payment_intent_any(&id).await?.map_or_else(Vec::new, facts_of_intent));
        }
        if let Some(id) = RefundId::parse(id) {
            return Ok(session.refund_any(&id).await?.map_or_else(Vec::new, facts_of_refund));
        }
        let upstream_id = if let Some(id) = CustomerId::parse(id) {
            session.customer(&operation.partner_id, &id).await?.and_then(|customer| customer.upstream_id)
        } else if let Some(id) = PaymentMethodId::parse(id) {
            session.payment_method(&operation.partner_id, &id).await?.and_then(|method| method.upstream_id)
        } else {
            None
        };
        Ok(vec![at_corefy(upstream_id)])
    }

    /// Has Corefy asked about every payment that was created or changed at `since` or later, and about its refunds, by the
    /// running gateway; tells `progress` of the number after each step. Stopped halfway, what is due until then stays due.
    pub async fn recheck(
        &self,
        since: Timestamp,
        operator: &Operator,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let command = format!("operations recheck --since {since}");
        tx.operator_command_insert(&AuditEntryId::generate(), operator, &command, now).await?;
        tx.commit().await?;
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let mut tx = self.store.begin().await?;
            let step = tx.payment_intents_recheck(since, &after, now, RECHECK_STEP).await?;
            tx.commit().await?;
            let Some((last, due)) = step else { return Ok(count) };
            after = last;
            count += due;
            progress(count);
        }
    }

    /// Ends an operation by what an operator states of it, and notes the operator and the reason. A repeated call of the
    /// caller gets the answer that is frozen here.
    pub async fn resolve(&self, id: &OperationId, resolution: Resolution) -> Result<(), ResolveError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let stored = tx.operation(id).await?.ok_or_else(|| ResolveError::NotFound(id.clone()))?;
        let mut operation = stored.operation;
        operation.may_be_resolved(now)?;
        tx.acts_for(std::slice::from_ref(&operation));
        // Taken over under the epoch that was read: a task that has claimed it since goes on, and nothing of this happened.
        if !tx.operation_take(&mut operation).await? || !end(&mut tx, &operation, &resolution, now).await? {
            return Err(ResolveError::Claimed);
        }
        let Resolution { outcome, reason, operator, .. } = resolution;
        let entry = AuditEntry {
            id: AuditEntryId::generate(),
            decided_at: now,
            operator,
            command: "operations resolve".to_owned(),
            operation_id: operation.id,
            outcome,
            reason,
        };
        tx.audit_insert(&entry).await?;
        Ok(tx.commit().await?)
    }
}

fn facts_of_intent(intent: PaymentIntent) -> Facts {
    let sum = |minor| with_currency(intent.money(minor));
    let error = intent.progress.last_error.as_ref().map_or("none", |error| error.code.as_str());
    vec![
        ("state", intent.state.as_str().to_owned()),
        ("amount", sum(intent.amount.minor)),
        ("received", sum(intent.received)),
        ("refunded", sum(intent.refunded)),
        ("refunds pending", sum(intent.refund_pending)),
        ("last error", error.to_owned()),
        at_corefy(intent.upstream_id.clone()),
    ]
}

fn facts_of_refund(refund: Refund) -> Facts {
    vec![
        ("state", refund.state.as_str().to_owned()),
        ("payment", refund.payment_intent_id.to_string()),
        ("amount", with_currency(refund.amount)),
        ("failure", refund.failure.map_or_else(|| "none".to_owned(), |failure| failure.code)),
        at_corefy(refund.upstream_id),
    ]
}

fn at_corefy(id: Option<String>) -> (&'static str, String) {
    ("at Corefy", id.unwrap_or_else(|| "not known".to_owned()))
}

fn with_currency(amount: Money) -> String {
    format!("{amount} {}", amount.currency.code())
}

/// Writes what was stated. `false`: another holder has claimed the operation, and nothing of this must be committed.
async fn end(
    tx: &mut Tx,
    operation: &Operation,
    resolution: &Resolution,
    now: Timestamp,
) -> Result<bool, ResolveError> {
    match operation.kind {
        OperationKind::ConfirmPaymentIntent => end_attempt(tx, operation, resolution, now).await,
        OperationKind::CreateRefund => end_refund(tx, operation, resolution.outcome, now).await,
        kind if resolution.outcome == StatedOutcome::Succeeded => Err(ResolveError::Creation(kind)),
        OperationKind::CreateCustomer => end_absent::<customers::CreateCustomerCommand>(tx, operation, now).await,
        OperationKind::CreatePaymentMethod => {
            end_absent::<payment_methods::CreatePaymentMethodCommand>(tx, operation, now).await
        }
        // Canceling is ours alone and never open; it would be told like a creation.
        OperationKind::CreatePaymentIntent | OperationKind::CancelPaymentIntent => {
            end_absent::<payment_intents::CreatePaymentIntentCommand>(tx, operation, now).await
        }
    }
}

async fn end_attempt(
    tx: &mut Tx,
    operation: &Operation,
    resolution: &Resolution,
    now: Timestamp,
) -> Result<bool, ResolveError> {
    let mut intent = payment_intents::lock(tx, &operation.subject_id).await?;
    let received = match &resolution.received {
        Some(text) => {
            Money::parse(text, intent.amount.currency).map_err(|wrong| ResolveError::Amount(wrong.to_string()))?
        }
        None => intent.amount,
    };
    if let Some(event) = intent.resolve_attempt(resolution.outcome, received.minor, now)? {
        tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
        tx.events_insert(&[event], &intent.clone().into(), now).await?;
    }
    Ok(conclude(tx, operation, &Verdict::Done(intent), now).await?)
}

async fn end_refund(
    tx: &mut Tx,
    operation: &Operation,
    stated: StatedOutcome,
    now: Timestamp,
) -> Result<bool, ResolveError> {
    let (mut intent, mut refund) = refunds::lock(tx, operation).await?;
    if let Some((state, failure, event)) = refund.resolve(stated)? {
        refund.failure = failure;
        intent.watch(now);
        refunds::advance(tx, &mut intent, &mut refund, state, &[event], now).await?;
        tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
    }
    Ok(conclude(tx, operation, &Verdict::Done(refund), now).await?)
}

/// Ends a creation as recovery does when Corefy has no record of it.
async fn end_absent<C: Command>(tx: &mut Tx, operation: &Operation, now: Timestamp) -> Result<bool, ResolveError> {
    let verdict = C::settle(tx, operation, Outcome::Absent, now).await?;
    Ok(conclude(tx, operation, &verdict, now).await?)
}
