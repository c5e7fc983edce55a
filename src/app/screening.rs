//! Screening: the risk of an attempt is decided before anything is reserved, in the same commit as what follows from it. What a
//! decision looks at is read with the attempt; the decision itself is pure (`domain::risk::decide`).

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use tokio::time::Instant;

use super::{
    decision::{CONFLICTS, Decision},
    payment_queues::PaymentTurn,
    payments::Payments,
};
use crate::{
    domain::{
        clock::Timestamp,
        event::EventType,
        ids::RiskDecisionId,
        operation::Operation,
        payment_intent::PaymentIntent,
        risk::{
            action::Action,
            counted_attempt::CountedAttempt,
            decide::{CAN_REQUEST_3DS, Verdict, decide},
            decision::RiskDecision,
            facts::Facts,
            guard::GuardFinding,
            inputs::RiskInputs,
            lists::PayerIp,
            outcome::{OutcomeKind, RiskOutcome},
            policy::RiskPolicy,
            review::Review,
            rule_set::RuleSet,
            subject::{Dimension, SubjectId},
        },
    },
    error::Error,
    store::{self, Change, CommitError, RiskHistory},
};

mod inputs;

pub(super) use inputs::Attempted;
use inputs::Surroundings;

/// All that the decision about an attempt looks at.
pub(super) struct Screening {
    policy: Arc<RiskPolicy>,
    inputs: RiskInputs,
    /// The payer's address, for lists that have networks. It is not kept.
    ip: Option<IpAddr>,
    history: RiskHistory,
    /// The attempt, once it is decided about and let through.
    counted: Option<CountedAttempt>,
    /// Within a gateway one attempt of a subject is decided about at a time, so that none is in vain: each changes what the next
    /// one counts. Across gateways the revisions of the subjects decide.
    _turns: Vec<PaymentTurn>,
}

/// A decision about an attempt, as what follows needs it.
pub(super) struct Screened {
    /// The decision.
    pub id: RiskDecisionId,
    /// The action that is taken on the attempt.
    pub action: Action,
}

impl Payments {
    /// Reads what the decision about an attempt looks at; `None` where nothing is screened.
    pub(super) async fn screening(&self, attempted: &Attempted<'_>) -> Result<Option<Screening>, Error> {
        let Some(policy) = self.policies.as_ref().map(|policies| policies.current()) else { return Ok(None) };
        let around =
            Surroundings { subjects: &self.subjects, reference: &self.reference_data, is_sandbox: self.is_sandbox };
        let mut inputs = attempted.inputs(&around);
        let subjects: Vec<SubjectId> =
            Dimension::OF_ROWS.into_iter().filter_map(|dimension| inputs.subject(dimension)).collect();
        let turns = self.turns_of(&subjects).await;
        // A BIN is asked about only where a rule needs it: it is that of many payers, and so never new.
        let asks_for_bin = policy.rules.as_ref().is_some_and(RuleSet::asks_for_bin);
        let bin = inputs.card.as_ref().filter(|_| asks_for_bin).map(|card| card.bin.as_str());
        let history = self.store.risk_history(&subjects, bin, inputs.at).await?;
        if let Some(customer) = &mut inputs.customer {
            let outcomes = &history.outcomes().customer;
            customer.successes = outcomes.successes;
            customer.declines = outcomes.all_declines;
            customer.chargebacks = outcomes.chargebacks;
        }
        Ok(Some(Screening { policy, inputs, ip: attempted.payer_ip(), history, counted: None, _turns: turns }))
    }

    /// Waits for the turns of an attempt's subjects, in one order, so that no two attempts wait for each other.
    async fn turns_of(&self, subjects: &[SubjectId]) -> Vec<PaymentTurn> {
        let mut turns = Vec::new();
        for subject in subjects.iter().collect::<BTreeSet<_>>() {
            turns.push(self.queues.wait(subject.as_str()).await);
        }
        turns
    }

    /// Takes back what an attempt counts that was certainly not made: an outage of Corefy's makes no payer suspicious. It has a
    /// commit of its own, after the operation's: what is true of the payment never waits for a counter. Where it fails, or the process
    /// dies, the attempt stays counted.
    pub(super) async fn take_back_counted(&self, attempt: &CountedAttempt) {
        let _turns = self.turns_of(&attempt.subjects).await;
        for _ in 0..CONFLICTS {
            let failed = match self.without_counted(attempt).await {
                Ok(decision) => decision.commit(&self.store).await,
                Err(error) => Err(error.into()),
            };
            match failed {
                Ok(()) => return,
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => {
                    tracing::warn!(risk_decision = %attempt.decision_id, %error, "an attempt that was not made stays counted");
                    return;
                }
            }
        }
        tracing::warn!(risk_decision = %attempt.decision_id, "too many attempts of a subject; one that was not made stays counted");
    }

    async fn without_counted(&self, attempt: &CountedAttempt) -> Result<Decision, store::Error> {
        let mut decision = Decision::by(self.ids(), &[]);
        for mut subject in self.store.risk_subjects(&attempt.subjects).await? {
            subject.take_back_attempt(attempt.card(), attempt.base_amount, attempt.at);
            decision.changes.push(Change::RiskSubject(subject));
        }
        decision.changes.push(Change::RiskAttemptTakenBack(attempt.clone()));
        Ok(decision)
    }
}

impl Screening {
    /// Decides about the attempt, and adds the decision and what it counts to the changes of the `operation`.
    pub fn decide(&mut self, operation: &Operation, decision: &mut Decision) -> Screened {
        let started = Instant::now();
        let now = self.inputs.at;
        let velocities = self.history.velocities(now);
        let ip = PayerIp::from(self.ip);
        let facts = Facts { inputs: &self.inputs, velocities: &velocities, lists: &self.policy.lists, ip };
        let guard = self.history.guard(self.inputs.is_sandbox, now);
        let guard_name = guard.as_ref().map(|finding| finding.name);
        // Rules are about payments: where a card is saved without one, lists and guard decide alone.
        let rules = self.policy.rules.as_ref().filter(|_| self.inputs.payment_intent_id.is_some());
        let Verdict { action, step, decided_by, results } = decide(rules, &facts, guard_name, CAN_REQUEST_3DS);
        let ip_lists = self.policy.lists.of_ip(&self.inputs, ip);
        let took_micros = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.count(action, guard.as_ref(), decision);
        let id = RiskDecisionId::generate(decision.ids());
        if action == Action::Review {
            let RiskInputs { partner_id, payment_intent_id, .. } = &self.inputs;
            let review = Review::open(id.clone(), partner_id.clone(), payment_intent_id.clone(), now);
            decision.changes.push(Change::RiskReview(Box::new(review)));
        }
        let made = Box::new(RiskDecision {
            id: id.clone(),
            operation_id: operation.id.clone(),
            rules_version: self.policy.version,
            action,
            step,
            decided_by,
            results,
            inputs: self.inputs.clone(),
            velocities,
            ip_lists,
            decided_at: now,
            took_micros,
        });
        self.counted = CountedAttempt::of(&made);
        decision.changes.push(Change::RiskDecision(made));
        Screened { id, action }
    }

    /// The attempt as it was counted, if it was.
    pub fn into_counted(self) -> Option<CountedAttempt> {
        self.counted
    }

    /// Counts an attempt that is let through, or has the guard that stopped it go on.
    fn count(&mut self, action: Action, guard: Option<&GuardFinding>, decision: &mut Decision) {
        let now = self.inputs.at;
        match (action, guard) {
            (Action::Block, Some(finding)) => self.history.note_finding(finding, now),
            (Action::Block, None) => {}
            (Action::Allow | Action::Review | Action::Request3ds, _) => {
                let amount = self.inputs.base_amount.map(|amount| amount.minor);
                self.history.note_attempt(amount, now);
            }
        }
        self.history.changes().for_each(|change| decision.changes.push(change));
    }
}

/// Counts what came of the attempt that an event reports, if it is an outcome that counts.
pub(super) fn note_outcome(intent: &PaymentIntent, event: EventType, now: Timestamp, decision: &mut Decision) {
    let attempt = intent.progress.attempt.as_ref();
    let Some(id) = attempt.and_then(|attempt| attempt.risk_decision_id.clone()) else { return };
    let outcome = match event {
        EventType::PaymentIntentSucceeded
        | EventType::PaymentIntentPartiallyPaid
        | EventType::PaymentIntentLateSuccess => Some(RiskOutcome::of(id, OutcomeKind::Succeeded, now)),
        EventType::PaymentIntentChargedBack => Some(RiskOutcome::of(id, OutcomeKind::ChargedBack, now)),
        EventType::PaymentIntentPaymentFailed => {
            let error = intent.progress.last_error.as_ref();
            error.and_then(|error| RiskOutcome::of_failure(id, &error.code, now))
        }
        EventType::PaymentIntentCreated
        | EventType::PaymentIntentRequiresAction
        | EventType::PaymentIntentProcessing
        | EventType::PaymentIntentBlocked
        | EventType::PaymentIntentCanceled
        | EventType::PaymentIntentOrphanCharge
        | EventType::PaymentIntentRefundedUpstream
        | EventType::PaymentIntentOverdue
        | EventType::RefundCreated
        | EventType::RefundSucceeded
        | EventType::RefundFailed
        | EventType::RefundCanceled
        | EventType::RefundLateSuccess
        | EventType::CustomerCreated
        | EventType::CustomerUpdated
        | EventType::CustomerCreationFailed
        | EventType::CustomerErased
        | EventType::PayerErased
        | EventType::PaymentMethodCreated
        | EventType::PaymentMethodCreationFailed
        | EventType::PaymentMethodUpdated
        | EventType::PaymentMethodDeleted
        | EventType::OperationInDoubt
        | EventType::OperationNeedsOperator
        | EventType::ReconcileMismatch => None,
    };
    if let Some(outcome) = outcome {
        decision.changes.push(Change::RiskOutcome(outcome));
    }
}
