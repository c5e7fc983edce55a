//! The meaning of a lookup: for the payment, for its refunds, and for the operations on it that are open.

use std::time::Duration;

use serde::Serialize;

use crate::{
    app::{
        perform::{Verdict, conclude, leave_open},
        refunds::{give_up_refund, merge_refunds},
    },
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::EventType,
        ids::RefundId,
        operation::{Operation, OperationKind, is_absent, next_look},
        payment_intent::{PaymentIntent, PaymentIntentState},
        snapshot::{Evidence, Merge, PaymentSnapshot},
    },
    error::Error,
    store::Tx,
};

/// When Corefy is asked again after it has contradicted us for the first time.
const CONTRADICTION_CHECK: Duration = Duration::from_secs(2);

/// The result of merging a snapshot.
#[derive(Clone, Copy, Default)]
pub(in crate::app) struct Merged {
    /// The snapshot is older than what we know; nothing of it was merged.
    pub is_stale: bool,
    /// Why it contradicts what we know of the payment.
    pub payment_conflict: Option<&'static str>,
    /// Why it contradicts what we know of the refunds.
    pub refund_conflict: Option<&'static str>,
    /// Whether an earlier answer contradicted us too: a single one may be wrong.
    pub is_confirmed: bool,
}

impl Merged {
    /// Why it contradicts us, if it does.
    pub fn conflict(&self) -> Option<&'static str> {
        self.payment_conflict.or(self.refund_conflict)
    }
}

/// Merges what Corefy says of a payment and of its refunds, and emits the events. While an `attempt` is open, a snapshot
/// without a trace of it says nothing of the payment, for it may be older than the attempt.
pub(in crate::app) async fn merge_payment(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    snapshot: &PaymentSnapshot,
    attempt: Option<&Operation>,
    now: Timestamp,
) -> Result<Merged, Error> {
    let mut merged = Merged::default();
    let trace = attempt.map(|attempt| snapshot.evidence_of_attempt_since(attempt.baseline));
    if trace.is_none_or(|trace| trace == Evidence::Outcome) {
        match snapshot.merge(intent) {
            Merge::Apply(change) => {
                let events = change.events.clone();
                change.apply(intent, now);
                tx.events_insert(&events, &intent.clone().into(), now).await?;
            }
            Merge::Conflict(why) => merged.payment_conflict = Some(why),
            Merge::Unchanged => {}
            Merge::Stale => merged.is_stale = true,
        }
    }
    if intent.upstream_payment_id.is_none() {
        intent.upstream_payment_id.clone_from(&snapshot.upstream_payment_id);
    }
    if !merged.is_stale && merged.payment_conflict.is_none() {
        merged.refund_conflict =
            merge_refunds(tx, intent, snapshot.refunds.as_deref().unwrap_or_default(), now).await?;
    }
    match merged.conflict() {
        Some(why) => {
            merged.is_confirmed = intent.note_contradiction(now);
            emit_contradiction(tx, intent, why, merged.is_confirmed, now).await?;
        }
        None if !merged.is_stale => intent.progress.contradicted_since = None,
        None => {}
    }
    Ok(merged)
}

/// Calls a person, once, when a contradiction is confirmed.
async fn emit_contradiction(
    tx: &mut Tx,
    intent: &PaymentIntent,
    why: &'static str,
    is_confirmed: bool,
    now: Timestamp,
) -> Result<(), Error> {
    if !is_confirmed {
        tracing::warn!(payment_intent = %intent.id, why, "Corefy contradicts the gateway's record; asking again");
        return Ok(());
    }
    tracing::error!(payment_intent = %intent.id, why, "Corefy contradicts the gateway's record; an operator has to look");
    Ok(tx.event_insert_once(EventType::PaymentIntentOrphanCharge, &intent.clone().into(), now).await?)
}

/// The finding of a lookup about one operation.
#[derive(Clone, Copy)]
enum Finding {
    /// Its outcome, which is merged already.
    Found,
    /// Something that contradicts what we know, as an earlier answer did.
    Contradicted,
    /// Something that contradicts what we know, for the first time.
    Doubtful,
    /// For certain that Corefy never got it.
    Absent,
    /// Nothing yet.
    Open,
}

/// Ends a claimed operation by the `snapshot` that was merged, or leaves it open. `false`: another holder has claimed it
/// since, and nothing of this must be committed.
pub(super) async fn conclude_claimed(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    mut operation: Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    (now, send_limit): (Timestamp, Duration),
) -> Result<bool, Error> {
    if operation.kind == OperationKind::CreateRefund {
        return conclude_refund(tx, intent, operation, evidence, (now, send_limit)).await;
    }
    let finding = match evidence {
        Some((_, merged)) if merged.payment_conflict.is_some() => contradicted(merged),
        Some((snapshot, _)) => match snapshot.evidence_of_attempt_since(operation.baseline) {
            Evidence::Outcome => Finding::Found,
            Evidence::None if is_absent_now(&mut operation, now, send_limit) => Finding::Absent,
            Evidence::None | Evidence::Unclear => Finding::Open,
        },
        None => Finding::Open,
    };
    if matches!(finding, Finding::Absent) {
        give_up_attempt(tx, intent, now).await?;
    }
    conclude_finding(tx, &operation, finding, intent.clone(), now).await
}

fn contradicted(merged: Merged) -> Finding {
    if merged.is_confirmed { Finding::Contradicted } else { Finding::Doubtful }
}

/// Writes what was found into the journal. What was contradicted for the first time is looked up again at once.
async fn conclude_finding<R: Clone + Serialize>(
    tx: &mut Tx,
    operation: &Operation,
    finding: Finding,
    resource: R,
    now: Timestamp,
) -> Result<bool, Error> {
    match finding {
        Finding::Doubtful => leave_open(tx, operation, Some(now + CONTRADICTION_CHECK), now).await,
        finding => conclude(tx, operation, &verdict(finding, resource), now).await,
    }
}

/// The same for a refund: it is told when Corefy shows it, and absent only from a list that is complete.
async fn conclude_refund(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    mut operation: Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    (now, send_limit): (Timestamp, Duration),
) -> Result<bool, Error> {
    let Some(id) = RefundId::parse(&operation.subject_id) else { return Ok(true) };
    let Some(mut refund) = tx.refund_any(&id).await? else { return Ok(true) };
    let finding = match evidence {
        Some(_) if refund.upstream_id.is_some() => Finding::Found,
        Some((_, merged)) if merged.conflict().is_some() => contradicted(merged),
        Some((snapshot, merged)) => {
            let is_complete = snapshot.refunds.is_some() && !merged.is_stale;
            if is_complete && is_absent_now(&mut operation, now, send_limit) { Finding::Absent } else { Finding::Open }
        }
        None => Finding::Open,
    };
    if matches!(finding, Finding::Absent) {
        give_up_refund(tx, intent, &mut refund, now).await?;
    }
    conclude_finding(tx, &operation, finding, refund, now).await
}

/// Ends an open operation that somebody else holds, or nobody, when what was merged tells its outcome: from then on the
/// object is shown as it came out, and a repeated call has to get the same answer however often it is made.
pub(super) async fn finish_if_found(
    tx: &mut Tx,
    intent: &PaymentIntent,
    operation: &Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some((snapshot, merged)) = evidence else { return Ok(()) };
    let mut operation = operation.clone();
    match operation.kind {
        OperationKind::ConfirmPaymentIntent => {
            let is_told = merged.payment_conflict.is_none()
                && snapshot.evidence_of_attempt_since(operation.baseline) == Evidence::Outcome;
            if is_told && tx.operation_take(&mut operation).await? {
                conclude(tx, &operation, &Verdict::Done(intent.clone()), now).await?;
            }
        }
        OperationKind::CreateRefund => {
            let Some(id) = RefundId::parse(&operation.subject_id) else { return Ok(()) };
            let refund = tx.refund_any(&id).await?.filter(|refund| refund.upstream_id.is_some());
            if let Some(refund) = refund
                && tx.operation_take(&mut operation).await?
            {
                conclude(tx, &operation, &Verdict::Done(refund), now).await?;
            }
        }
        // The outcomes of these are known from their own answers alone.
        OperationKind::CreatePaymentIntent
        | OperationKind::CancelPaymentIntent
        | OperationKind::CreateCustomer
        | OperationKind::CreatePaymentMethod => {}
    }
    Ok(())
}

fn verdict<R>(finding: Finding, resource: R) -> Verdict<R> {
    match finding {
        Finding::Found | Finding::Absent => Verdict::Done(resource),
        Finding::Contradicted => Verdict::NeedsOperator(resource),
        Finding::Open | Finding::Doubtful => Verdict::InDoubt(resource),
    }
}

/// Counts a clean miss; whether it is the one that makes the operation certain to be absent.
pub(super) fn is_absent_now(operation: &mut Operation, now: Timestamp, send_limit: Duration) -> bool {
    operation.misses += 1;
    is_absent(operation.sent_at, now, operation.misses, send_limit)
}

/// When Corefy is to be asked about the intent next, as long as there may be news.
pub(in crate::app) fn poll_at(intent: &PaymentIntent, now: Timestamp) -> Option<Timestamp> {
    let doubtful = intent.is_doubtful(now).then(|| now + CONTRADICTION_CHECK);
    intent.next_poll(now).into_iter().chain(doubtful).min()
}

/// Emits an event, once, about a payment that is overdue.
pub(super) async fn emit_if_overdue(tx: &mut Tx, intent: &PaymentIntent, now: Timestamp) -> Result<(), Error> {
    let is_under_way = intent.state.is_attempting() || intent.refund_pending > 0;
    if is_under_way && next_look(intent.updated_at, now).is_none() {
        tracing::warn!(payment_intent = %intent.id, "the payment has had no outcome for a week; an operator has to look");
        tx.event_insert_once(EventType::PaymentIntentOverdue, &intent.clone().into(), now).await?;
    }
    Ok(())
}

/// Gives up an attempt of which Corefy, asked again and again, shows no trace. It is never sent again by us; but Corefy
/// is still asked for a week.
pub(in crate::app) async fn give_up_attempt(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    now: Timestamp,
) -> Result<(), Error> {
    if intent.state != PaymentIntentState::Processing {
        return Ok(());
    }
    intent.give_up_attempt(UPSTREAM_NO_RECORD, "Corefy has no record of the attempt; nothing was charged", now);
    tx.payment_intent_update(intent, poll_at(intent, now)).await?;
    tx.events_insert(&[EventType::PaymentIntentPaymentFailed], &intent.clone().into(), now).await?;
    Ok(())
}
