//! The meaning of an outcome, for the objects and for the operation: the commands' `settle`, `is_decided` and `judge`.

use corefy_gateway::domain::{
    operation::NO_BASELINE, payment_intent::PaymentIntentState as State, refund::RefundState, snapshot::Evidence,
};

use super::{
    domain_objects::NOW,
    journal::ModelVerdict,
    merging::{ModelPayment, advance},
    protocol::{CallKind, Turn},
    situation::{KeyAnswer, ModelOutcome},
};

impl Turn<'_> {
    /// Writes the payment as a verdict left it; a creation that is taken back leaves none.
    pub fn write_judged(&mut self, call: usize, verdict: &ModelVerdict, payment: &ModelPayment) {
        let is_creation = self.protocol.calls[call].kind == CallKind::Create;
        if is_creation && matches!(verdict, ModelVerdict::Refused | ModelVerdict::Released) {
            return self.write_intent(None);
        }
        self.write_payment(payment);
    }

    /// Decides what an outcome means: the commands' `settle`, and what `judge` makes of it.
    pub fn judge(
        &mut self,
        call: usize,
        outcome: ModelOutcome,
        payment: &mut ModelPayment,
        is_first_holder: bool,
    ) -> ModelVerdict {
        let verdict = match self.protocol.calls[call].kind {
            CallKind::Create => self.judge_creation(outcome, payment, is_first_holder),
            CallKind::Confirm => self.judge_attempt(outcome, payment),
            CallKind::Refund(_) => self.judge_refund(call, outcome, payment),
        };
        match (verdict, decided(self.protocol.calls[call].kind, call, payment)) {
            (ModelVerdict::InDoubt, Some(answer)) => ModelVerdict::Done(answer),
            (verdict, _) => verdict,
        }
    }

    fn judge_creation(&mut self, outcome: ModelOutcome, payment: &mut ModelPayment, is_first: bool) -> ModelVerdict {
        match outcome {
            ModelOutcome::Answered(view) => {
                self.contradiction = payment.merge(&self.protocol.objects.snapshot(&view), None).conflict;
                ModelVerdict::Done(KeyAnswer::Intent(payment.intent.state))
            }
            ModelOutcome::Refused if is_first => ModelVerdict::Refused,
            ModelOutcome::NotSent if is_first => ModelVerdict::Released,
            ModelOutcome::Refused => {
                payment.intent.enter(State::Canceled, NOW);
                ModelVerdict::Done(KeyAnswer::Intent(State::Canceled))
            }
            ModelOutcome::NotSent | ModelOutcome::Unknown => ModelVerdict::InDoubt,
        }
    }

    fn judge_attempt(&mut self, outcome: ModelOutcome, payment: &mut ModelPayment) -> ModelVerdict {
        let is_untouched = payment.intent.state == State::Processing;
        match outcome {
            ModelOutcome::Answered(view) => {
                let snapshot = self.protocol.objects.snapshot(&view);
                if snapshot.evidence_of_attempt_since(NO_BASELINE) != Evidence::Outcome {
                    return ModelVerdict::InDoubt;
                }
                self.contradiction = payment.merge(&snapshot, None).conflict;
                ModelVerdict::Done(KeyAnswer::Intent(payment.intent.state))
            }
            ModelOutcome::Refused if is_untouched => {
                go_back(payment);
                ModelVerdict::Refused
            }
            ModelOutcome::NotSent if is_untouched => {
                go_back(payment);
                ModelVerdict::Released
            }
            ModelOutcome::Refused | ModelOutcome::NotSent | ModelOutcome::Unknown => ModelVerdict::InDoubt,
        }
    }

    fn judge_refund(&mut self, call: usize, outcome: ModelOutcome, payment: &mut ModelPayment) -> ModelVerdict {
        let Some(refund) = &payment.refunds[call] else { return ModelVerdict::InDoubt };
        let is_untouched = refund.is_outcome_unknown();
        match outcome {
            ModelOutcome::Answered(_) => {
                self.contradiction = payment.merge_refund(&self.protocol.objects.refund_snapshot(call));
                let state = payment.refunds[call].as_ref().map_or(RefundState::Pending, |refund| refund.state);
                ModelVerdict::Done(KeyAnswer::Refund(state))
            }
            ModelOutcome::Refused if is_untouched => {
                take_back(call, payment);
                ModelVerdict::Refused
            }
            ModelOutcome::NotSent if is_untouched => {
                take_back(call, payment);
                ModelVerdict::Released
            }
            ModelOutcome::Refused | ModelOutcome::NotSent | ModelOutcome::Unknown => ModelVerdict::InDoubt,
        }
    }
}

/// The answer that an object gives by itself, when it shows what came of the operation: the commands' `is_decided`.
pub fn decided(kind: CallKind, call: usize, payment: &ModelPayment) -> Option<KeyAnswer> {
    let intent = &payment.intent;
    match kind {
        CallKind::Create => {
            let is_decided = intent.upstream_id.is_some() || intent.state == State::Canceled;
            is_decided.then_some(KeyAnswer::Intent(intent.state))
        }
        CallKind::Confirm => (intent.state != State::Processing).then_some(KeyAnswer::Intent(intent.state)),
        CallKind::Refund(_) => {
            let refund = payment.refunds[call].as_ref()?;
            let is_decided = refund.state != RefundState::Pending || refund.upstream_id.is_some();
            is_decided.then_some(KeyAnswer::Refund(refund.state))
        }
    }
}

/// Undoes the beginning of an attempt that certainly was not made.
fn go_back(payment: &mut ModelPayment) {
    let had_failed = payment.intent.progress.last_error.is_some();
    payment.intent.enter(if had_failed { State::RequiresPaymentMethod } else { State::RequiresConfirmation }, NOW);
}

/// Takes back a refund that certainly was not made.
fn take_back(call: usize, payment: &mut ModelPayment) {
    if let Some(mut refund) = payment.refunds[call].take() {
        advance(&mut payment.intent, &mut refund, RefundState::Canceled);
    }
}
