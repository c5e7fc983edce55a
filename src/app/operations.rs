//! The journal as an operator sees it: what is not known yet, and its manual resolution. Needs the database but
//! not Corefy.

use serde_json::json;

use super::{
    customers,
    decision::{CONFLICTS, Decision},
    payment::Payment,
    payment_intents, payment_methods,
    perform::{Command, Outcome, Seen as _, Verdict, conclude},
    refunds,
};
use crate::{
    domain::{
        audit::{Actor, AuditAction, AuditEntry, AuditFilter, AuditRecord, Note, Operator},
        clock::Timestamp,
        environment::Environment,
        event::Event,
        event_filter::EventFilter,
        ids::{CustomerId, OperationId, PaymentIntentId, PaymentMethodId, RefundId},
        list_filters::OperationFilter,
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::PaymentIntent,
        refund::Refund,
        resolution::{StatedOutcome, Unresolvable},
    },
    error::Error,
    store::{Change, Changes, CommitError, Conflict, Lease, OperationRecord, Store},
};

/// How many payments one transaction of a recheck goes through.
const RECHECK_STEP: u32 = 500;
/// How many events of an operation's object are shown.
const EVENTS: u32 = 100;
/// How many decisions about an operation are shown.
const DECISIONS: u32 = 100;

/// An operator's statement about an operation.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The outcome of the operation.
    pub outcome: StatedOutcome,
    /// The amount received by a confirmation that succeeded, as a decimal of the intent's currency; `None`: all of it.
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
    /// The received amount is no amount of the intent's currency.
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

/// Facts about an object, by name and value.
pub type Facts = Vec<(&'static str, String)>;

/// An operation with all that is known of it.
#[derive(Debug)]
pub struct OperationDetail {
    /// The operation.
    pub stored: OperationRecord,
    /// The object it is about.
    pub object: Facts,
    /// The events of that, oldest first.
    pub events: Vec<Event>,
    /// The operators' decisions about the operation, oldest first.
    pub decisions: Vec<AuditRecord>,
}

/// The operator's commands on the journal.
pub struct OperationAdmin {
    store: Store,
    environment: Environment,
}

impl OperationAdmin {
    /// On this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        Self { store, environment }
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
        let about = AuditFilter { object: Some(id.to_string()), ..AuditFilter::default() };
        let decisions = session.audit_rows_after(&about, 0, DECISIONS).await?;
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
        let now = self.environment.clock.now();
        let note = Note { by: Actor::Operator(operator.clone()), reason: String::new() };
        let action = AuditAction::OperationRecheck;
        let entry = AuditEntry::new(&self.environment.ids, now, &note, action, ("payment_intent", ""))
            .to(&json!({"since": since.to_string()}));
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let step = self.store.recheck_payment_intents(since, &after, now, RECHECK_STEP).await?;
            let Some((last, due)) = step else { return Ok(count) };
            after = last;
            count += due;
            progress(count);
        }
    }

    /// Ends an operation by what an operator states of it, and notes the operator and the reason. A repeated call of the
    /// caller gets the answer that is frozen here.
    pub async fn resolve(&self, id: &OperationId, resolution: Resolution) -> Result<(), ResolveError> {
        for _ in 0..CONFLICTS {
            let decision = self.decide(id, &resolution).await?;
            match self.store.commit(&decision.changes).await {
                Ok(()) => return Ok(()),
                // A holder that has claimed the operation since goes on, and nothing of this happened.
                Err(CommitError::Conflict(Conflict::LeaseLost)) => break,
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(ResolveError::Claimed)
    }

    /// Decides what a resolution means for the operation and its object, with its entry in the audit log. The operation is
    /// taken over under the epoch that is read.
    async fn decide(&self, id: &OperationId, resolution: &Resolution) -> Result<Decision, ResolveError> {
        let now = self.environment.clock.now();
        let stored = self.store.read().await?.operation(id).await?.ok_or_else(|| ResolveError::NotFound(id.clone()))?;
        let operation = stored.operation;
        operation.may_be_resolved(resolution.outcome, now)?;
        let mut decision = Decision::by(&self.environment.ids, std::slice::from_ref(&operation));
        self.end(&operation, resolution, now, &mut decision).await?;
        let note = Note { by: Actor::Operator(resolution.operator.clone()), reason: resolution.reason.clone() };
        let object = ("operation", operation.id.as_str());
        let entry = AuditEntry::new(&self.environment.ids, now, &note, AuditAction::OperationResolve, object)
            .from(&json!({"state": operation.state.as_str(), "kind": operation.kind.as_str()}))
            .to(&json!({"outcome": resolution.outcome.as_str(), "received": resolution.received}));
        decision.changes.push(Change::AuditEntry(Box::new(entry)));
        Ok(decision)
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

impl OperationAdmin {
    /// Decides what was stated.
    async fn end(
        &self,
        operation: &Operation,
        resolution: &Resolution,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<(), ResolveError> {
        match operation.kind {
            OperationKind::ConfirmPaymentIntent => {
                let mut payment = Payment::read_for(&self.store, &operation.subject_id).await?;
                end_attempt(&mut payment, operation, resolution, now, decision)
            }
            OperationKind::CreateRefund => {
                let mut payment = refunds::read_for(&self.store, operation).await?;
                end_refund(&mut payment, operation, resolution.outcome, now, decision)
            }
            kind if resolution.outcome == StatedOutcome::Succeeded => Err(ResolveError::Creation(kind)),
            OperationKind::CreateCustomer => {
                self.end_absent::<customers::CreateCustomerCommand>(operation, now, decision).await
            }
            OperationKind::CreatePaymentMethod => {
                self.end_absent::<payment_methods::CreatePaymentMethodCommand>(operation, now, decision).await
            }
            // Changes of these are ours alone and never open.
            OperationKind::UpdateCustomer | OperationKind::UpdatePaymentMethod | OperationKind::DeletePaymentMethod => {
                Err(ResolveError::NotFound(operation.id.clone()))
            }
            // Canceling is ours alone and never open; it would be told like a creation.
            OperationKind::CreatePaymentIntent | OperationKind::CancelPaymentIntent => {
                self.end_absent::<payment_intents::CreatePaymentIntentCommand>(operation, now, decision).await
            }
        }
    }

    /// Ends a creation as recovery does when Corefy has no record of it.
    async fn end_absent<C: Command>(
        &self,
        operation: &Operation,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<(), ResolveError> {
        let mut seen = C::read_for_outcome(&self.store, operation, &Outcome::Absent, None).await?;
        let verdict = C::settle(&mut seen, operation, Outcome::Absent, now, decision)?;
        conclude(decision, operation, Lease::taken_over(operation), &verdict, now);
        seen.write(decision, now);
        Ok(())
    }
}

fn end_attempt(
    payment: &mut Payment,
    operation: &Operation,
    resolution: &Resolution,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), ResolveError> {
    let received = match &resolution.received {
        Some(text) => Money::parse(text, payment.intent.amount.currency)
            .map_err(|wrong| ResolveError::Amount(wrong.to_string()))?,
        None => payment.intent.amount,
    };
    if let Some(event) = payment.intent.resolve_attempt(resolution.outcome, received.minor, now)? {
        payment.emit(event, now, decision);
    }
    conclude(decision, operation, Lease::taken_over(operation), &Verdict::Done(payment.unchanged()), now);
    payment.write(decision, now);
    Ok(())
}

fn end_refund(
    payment: &mut Payment,
    operation: &Operation,
    stated: StatedOutcome,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), ResolveError> {
    let Payment { intent, refunds, .. } = &mut *payment;
    let refund = refunds::find(refunds, operation)?;
    if let Some((state, failure, event)) = refund.resolve(stated)? {
        refund.failure = failure;
        intent.watch(now);
        refunds::advance(intent, refund, state, &[event], now, decision);
    }
    let ended = Verdict::Done(refund.to_inner());
    intent.require_unchanged();
    conclude(decision, operation, Lease::taken_over(operation), &ended, now);
    payment.write(decision, now);
    Ok(())
}
