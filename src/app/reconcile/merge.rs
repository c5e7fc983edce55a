//! The meaning of a look at a payment: for the payment, for its refunds, and for the operations on it that are open.

use std::time::Duration;

use serde::Serialize;

use crate::{
    app::{
        decision::{Decision, Remark},
        payment::{CONTRADICTION_CHECK, Payment},
        perform::{Verdict, conclude, leave_open},
        refunds::{find, give_up_refund, merge_refunds},
        screening::note_outcome,
    },
    domain::{
        chargeback::Chargeback,
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::EventType,
        operation::{Operation, OperationKind, is_absent, next_look},
        payment_intent::PaymentIntentState,
        snapshot::{Evidence, Merge, PaymentSnapshot},
    },
    store::{Change, Lease},
};

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

/// Merges what Corefy says of a payment and of its refunds, with the events. While an `attempt` is open, a snapshot without a
/// trace of it says nothing of the payment, for it may be older than the attempt.
pub(in crate::app) fn merge_payment(
    payment: &mut Payment,
    snapshot: &PaymentSnapshot,
    attempt: Option<&Operation>,
    now: Timestamp,
    decision: &mut Decision,
) -> Merged {
    let mut merged = Merged::default();
    if payment.intent.upstream_payment_id.is_none() {
        payment.intent.upstream_payment_id.clone_from(&snapshot.upstream_payment_id);
    }
    let trace = attempt.map(|attempt| snapshot.evidence_of_attempt_since(attempt.baseline));
    if trace.is_none_or(|trace| trace == Evidence::Outcome) {
        let merge = snapshot.merge(&payment.intent);
        let is_believed = matches!(merge, Merge::Apply(_) | Merge::Unchanged);
        // Before the events, which show it.
        if is_believed && !snapshot.is_noted_in(&payment.intent) {
            snapshot.note_in(&mut payment.intent);
        }
        match merge {
            Merge::Apply(change) => {
                let (events, charged_back) = (change.events.clone(), payment.intent.charged_back);
                change.apply(&mut payment.intent, now);
                let chargeback = Chargeback::of_rise(&payment.intent, charged_back, decision.ids(), now);
                if let Some(chargeback) = chargeback {
                    decision.changes.push(Change::Chargeback(chargeback));
                }
                for kind in events {
                    payment.emit(kind, now, decision);
                    note_outcome(&payment.intent, kind, now, decision);
                }
            }
            Merge::Conflict(why) => merged.payment_conflict = Some(why),
            Merge::Unchanged => {}
            Merge::Stale => merged.is_stale = true,
        }
    }
    if !merged.is_stale && merged.payment_conflict.is_none() {
        let refunds = snapshot.refunds.as_deref().unwrap_or_default();
        merged.refund_conflict = merge_refunds(payment, refunds, now, decision);
    }
    match merged.conflict() {
        Some(why) => {
            merged.is_confirmed = payment.intent.note_contradiction(now);
            emit_contradiction(payment, why, merged.is_confirmed, now, decision);
        }
        None if !merged.is_stale => payment.intent.progress.contradicted_since = None,
        None => {}
    }
    merged
}

/// Calls an operator, once, when a contradiction is confirmed.
fn emit_contradiction(
    payment: &mut Payment,
    why: &'static str,
    is_confirmed: bool,
    now: Timestamp,
    decision: &mut Decision,
) {
    let payment_intent = payment.intent.id.clone();
    decision.remark(Remark::Contradicted { payment_intent, why, is_confirmed });
    if is_confirmed && !payment.intent.progress.is_contradiction_reported {
        payment.intent.progress.is_contradiction_reported = true;
        payment.emit(EventType::PaymentIntentOrphanCharge, now, decision);
    }
}

/// The finding of a look about one operation.
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

/// The moments that the conclusion of a look goes by.
#[derive(Clone, Copy)]
pub(super) struct LookTimes {
    /// When Corefy was asked: its answer says nothing of what came to it later, however late the look is concluded.
    pub asked_at: Timestamp,
    /// When the look is concluded.
    pub now: Timestamp,
    /// How long sending takes at most.
    pub send_limit: Duration,
}

/// Ends a claimed operation by the `snapshot` that was merged, or leaves it open.
pub(super) fn conclude_claimed(
    payment: &mut Payment,
    mut operation: Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    times: LookTimes,
    decision: &mut Decision,
) {
    if operation.kind == OperationKind::CreateRefund {
        return conclude_refund(payment, operation, evidence, times, decision);
    }
    let now = times.now;
    let finding = match evidence {
        Some((_, merged)) if merged.payment_conflict.is_some() => contradicted(merged),
        Some((snapshot, _)) => match snapshot.evidence_of_attempt_since(operation.baseline) {
            Evidence::Outcome => Finding::Found,
            Evidence::None if is_absent_after_miss(&mut operation, times) => Finding::Absent,
            Evidence::None | Evidence::Unclear => Finding::Open,
        },
        None => Finding::Open,
    };
    if matches!(finding, Finding::Absent) {
        give_up_attempt(payment, now, decision);
    }
    conclude_finding(&operation, finding, &*payment.intent, now, decision);
}

fn contradicted(merged: Merged) -> Finding {
    if merged.is_confirmed { Finding::Contradicted } else { Finding::Doubtful }
}

/// Decides what was found for the journal. What was contradicted for the first time is looked up again at once.
fn conclude_finding<R: Serialize>(
    operation: &Operation,
    finding: Finding,
    resource: &R,
    now: Timestamp,
    decision: &mut Decision,
) {
    let lease = Lease::held(operation);
    match finding {
        Finding::Doubtful => leave_open(decision, operation, lease, Some(now + CONTRADICTION_CHECK), now),
        finding => conclude(decision, operation, lease, &verdict(finding, resource), now),
    }
}

/// The same for a refund: it is told when Corefy shows it, and absent only from a list that is complete.
fn conclude_refund(
    payment: &mut Payment,
    mut operation: Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    times: LookTimes,
    decision: &mut Decision,
) {
    let now = times.now;
    let Payment { intent, refunds, .. } = payment;
    let Ok(refund) = find(refunds, &operation) else { return };
    let finding = match evidence {
        Some(_) if refund.upstream_id.is_some() => Finding::Found,
        Some((_, merged)) if merged.conflict().is_some() => contradicted(merged),
        Some((snapshot, merged)) => {
            let is_complete = snapshot.refunds.is_some() && !merged.is_stale;
            if is_complete && is_absent_after_miss(&mut operation, times) { Finding::Absent } else { Finding::Open }
        }
        None => Finding::Open,
    };
    if matches!(finding, Finding::Absent) {
        give_up_refund(intent, refund, now, decision);
    }
    conclude_finding(&operation, finding, &**refund, now, decision);
}

/// Ends an open operation that another holds, or nobody, when what was merged tells its outcome: from then on the object is
/// shown as it came out, and a repeated call has to get the same answer however often it is made.
pub(super) fn finish_if_found(
    payment: &mut Payment,
    operation: &Operation,
    evidence: Option<(&PaymentSnapshot, Merged)>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some((snapshot, merged)) = evidence else { return };
    let lease = Lease::taken_over(operation);
    match operation.kind {
        OperationKind::ConfirmPaymentIntent => {
            let is_told = merged.payment_conflict.is_none()
                && snapshot.evidence_of_attempt_since(operation.baseline) == Evidence::Outcome;
            if is_told {
                conclude(decision, operation, lease, &Verdict::Done(&*payment.intent), now);
            }
        }
        OperationKind::CreateRefund => {
            let Ok(refund) = find(&mut payment.refunds, operation) else { return };
            if refund.upstream_id.is_some() {
                conclude(decision, operation, lease, &Verdict::Done(&**refund), now);
            }
        }
        // Their own answers alone tell of these.
        OperationKind::CreatePaymentIntent
        | OperationKind::CancelPaymentIntent
        | OperationKind::CreateCustomer
        | OperationKind::CreatePaymentMethod
        | OperationKind::UpdateCustomer
        | OperationKind::UpdatePaymentMethod
        | OperationKind::DeletePaymentMethod => {}
    }
}

fn verdict<R>(finding: Finding, resource: R) -> Verdict<R> {
    match finding {
        Finding::Found | Finding::Absent => Verdict::Done(resource),
        Finding::Contradicted => Verdict::NeedsOperator(resource),
        Finding::Open | Finding::Doubtful => Verdict::InDoubt(resource),
    }
}

/// Counts a clean miss; whether it is the one that makes the operation certain to be absent.
pub(super) fn is_absent_after_miss(operation: &mut Operation, times: LookTimes) -> bool {
    operation.misses += 1;
    is_absent(operation.sent_at, times.asked_at, operation.misses, times.send_limit)
}

/// Reports, once, a payment that should long have come to an end.
pub(super) fn emit_if_overdue(payment: &mut Payment, now: Timestamp, decision: &mut Decision) {
    let intent = &payment.intent;
    let is_under_way = intent.state.is_attempting() || intent.refund_pending > 0;
    let is_overdue = is_under_way && next_look(intent.updated_at, now).is_none();
    if is_overdue && !intent.progress.is_overdue_reported {
        payment.intent.progress.is_overdue_reported = true;
        payment.emit(EventType::PaymentIntentOverdue, now, decision);
    }
}

/// Gives up an attempt of which Corefy, asked again and again, shows no trace. It is never sent again by us; but Corefy
/// is still asked for a week.
pub(in crate::app) fn give_up_attempt(payment: &mut Payment, now: Timestamp, decision: &mut Decision) {
    if payment.intent.state != PaymentIntentState::Processing {
        return;
    }
    let message = "Corefy has no record of the attempt; nothing was charged";
    payment.intent.give_up_attempt(UPSTREAM_NO_RECORD, message, now);
    payment.emit(EventType::PaymentIntentPaymentFailed, now, decision);
}
