//! A look at a payment: open operations are claimed, Corefy is asked, and what it shows is written, as `app/reconcile/` has it.

use corefy_gateway::domain::{
    operation::{Operation, OperationKind, OperationState, is_absent},
    payment_intent::PaymentIntentState,
    refund::RefundState,
    snapshot::{Evidence, PaymentSnapshot},
};

use super::{
    breaks::Break,
    domain_objects::{NOW, SEND_LIMIT, age},
    journal::{ModelLease, ModelVerdict},
    laws,
    merging::{ModelMerged, ModelPayment, advance},
    moves::Claiming,
    protocol::{CallKind, Turn},
    situation::{CallStage, ClaimedOperation, JournalRow, KeyAnswer, LeaseState, ModelOutcome, PAIR, PendingLook},
};

impl Turn<'_> {
    /// Looks because operations are due or the payment is polled; else because of a webhook or a read, whose number is bounded.
    pub fn look_unasked(&mut self, gateway: usize, claiming: Claiming) -> Option<()> {
        self.look(gateway, claiming, None)?;
        let has_claimed = self.now.looks[gateway].is_some_and(|look| look.claimed != [None; PAIR]);
        let is_polled = || !laws::has_open(&self.now) && laws::awaits_news(self.protocol, &self.now);
        if !has_claimed && !is_polled() {
            self.now.faults.hints = self.now.faults.hints.checked_sub(1)?;
        }
        Some(())
    }

    /// Claims operations that nobody holds, each under a new epoch, and asks Corefy.
    pub fn look(&mut self, gateway: usize, claiming: Claiming, asked_by: Option<usize>) -> Option<()> {
        let intent = self.now.intent.filter(|_| self.now.looks[gateway].is_none())?;
        let claimed = self.claim(claiming)?;
        let is_creation = self.protocol.calls[0].kind == CallKind::Create;
        let found = match claimed.iter().position(Option::is_some) {
            Some(call) if is_creation => self.repeat_creation(call),
            None if is_creation => return None,
            _ => ModelOutcome::Answered(self.now.corefy.view),
        };
        self.now.looks[gateway] = Some(PendingLook { claimed, found, was_unanswered: intent.is_unanswered, asked_by });
        if let Some(call) = asked_by {
            self.now.calls[call] = CallStage::Asking;
        }
        Some(())
    }

    fn claim(&mut self, claiming: Claiming) -> Option<[Option<ClaimedOperation>; PAIR]> {
        let is_free = |row: &JournalRow| row.is_open() && row.lease != LeaseState::Held;
        let free = self.now.journal.iter().flatten().filter(|row| is_free(row)).count();
        let is_claimed = |call: usize| match claiming {
            Claiming::All => true,
            Claiming::One(one) => one == call,
        };
        // One alone is claimed by itself and with all others in the same way.
        if claiming != Claiming::All && free < PAIR {
            return None;
        }
        let mut claimed = [None; PAIR];
        for call in (0..PAIR).filter(|call| is_claimed(*call)) {
            let Some(row) = self.now.journal[call].as_mut().filter(|row| is_free(row)) else { continue };
            row.epoch += 1;
            row.lease = LeaseState::Held;
            claimed[call] = Some(ClaimedOperation { epoch: row.epoch, age: row.age });
        }
        Some(claimed)
    }

    /// Sends a creation again, under the same reference: Corefy makes it once.
    fn repeat_creation(&mut self, call: usize) -> ModelOutcome {
        if self.now.corefy.has_refused[call] {
            return ModelOutcome::Refused;
        }
        self.now.corefy.has_done[call] = true;
        ModelOutcome::Answered(self.now.corefy.view)
    }

    /// Writes what a look has found, unless another has claimed one of its operations since.
    pub fn conclude_look(&mut self, gateway: usize, is_lost: bool) -> Option<()> {
        let look = self.now.looks[gateway].take()?;
        if is_lost {
            self.use_fault(|faults| &mut faults.lost_answers)?;
        }
        if let Some(call) = look.asked_by {
            let again = CallStage::Unread { is_begun: true, has_asked: true };
            self.now.calls[call] = if is_lost { CallStage::Ended } else { again };
        }
        let found = if is_lost { ModelOutcome::Unknown } else { look.found };
        match (self.protocol.calls[0].kind, look.claimed.iter().position(Option::is_some)) {
            (CallKind::Create, Some(call)) => self.conclude_creation(call, look.claimed[call]?, found),
            (CallKind::Create, None) => Some(()),
            (CallKind::Confirm | CallKind::Refund(_), _) => self.conclude_payment(&look, found),
        }
    }

    fn conclude_creation(&mut self, call: usize, claimed: ClaimedOperation, found: ModelOutcome) -> Option<()> {
        let lease = ModelLease::held(call, claimed.epoch);
        if !self.stands(lease) {
            return Some(());
        }
        let mut payment = self.payment()?;
        let verdict = self.judge(call, found, &mut payment, claimed.epoch == 1);
        if self.conclude(lease, &verdict, 0) {
            self.write_judged(call, &verdict, &payment);
        }
        Some(())
    }

    fn conclude_payment(&mut self, look: &PendingLook, found: ModelOutcome) -> Option<()> {
        let leases = self.leases_of(look);
        if !leases.iter().all(|lease| self.stands(*lease)) {
            return Some(());
        }
        let mut payment = self.payment()?;
        let mut asked = payment.intent.clone();
        asked.progress.is_unanswered = look.was_unanswered;
        let shown = match found {
            ModelOutcome::Answered(view) => Some(self.protocol.objects.snapshot(&view)),
            ModelOutcome::Refused | ModelOutcome::NotSent | ModelOutcome::Unknown => None,
        };
        let shown = shown.filter(|shown| !shown.is_superseded(&asked, &payment.intent));
        let attempt = self.open_attempt();
        let trace = |shown| attempt.as_ref().map(|attempt| self.evidence_of(shown, attempt));
        let evidence = shown.as_ref().map(|shown| (shown, payment.merge(shown, trace(shown))));
        self.contradiction = evidence.and_then(|(_, merged)| merged.conflict);
        self.finish_others(look, evidence, &payment);
        for lease in leases {
            self.conclude_claimed(lease, look, evidence, &mut payment);
        }
        self.write_payment(&payment);
        Some(())
    }

    fn leases_of(&self, look: &PendingLook) -> Vec<ModelLease> {
        let lease = |call: usize| Some(ModelLease::held(call, look.claimed[call]?.epoch));
        (0..PAIR).filter_map(lease).collect()
    }

    /// The attempt whose outcome is not known.
    fn open_attempt(&self) -> Option<Operation> {
        let open = |call: usize| self.now.journal[call].filter(JournalRow::is_open).map(|row| (call, row));
        let operation = |(call, row): (usize, JournalRow)| {
            self.protocol.objects.operation(self.protocol.operation_kind(call), &row)
        };
        let mut attempts = (0..PAIR).filter_map(open).map(operation);
        attempts.rfind(|operation| operation.kind == OperationKind::ConfirmPaymentIntent)
    }

    /// Ends the open operations of others whose outcome was merged, but for those whose first call is running.
    fn finish_others(
        &mut self,
        look: &PendingLook,
        evidence: Option<(&PaymentSnapshot, ModelMerged)>,
        payment: &ModelPayment,
    ) {
        let Some((snapshot, merged)) = evidence else { return };
        for call in (0..PAIR).filter(|call| look.claimed[*call].is_none()) {
            let Some(row) = self.now.journal[call].filter(JournalRow::is_open) else { continue };
            if self.is_first_call_running(call, &row) {
                continue;
            }
            let operation = self.protocol.objects.operation(self.protocol.operation_kind(call), &row);
            let is_told = match self.protocol.calls[call].kind {
                CallKind::Create => false,
                CallKind::Confirm => {
                    let evidence = self.evidence_of(snapshot, &operation);
                    merged.conflict.is_none() && evidence == Evidence::Outcome
                }
                CallKind::Refund(_) => is_shown(payment, call),
            };
            if is_told {
                let verdict = ModelVerdict::Done(self.answer(call, payment));
                self.conclude(ModelLease::taken_over(call, &row), &verdict, row.misses);
            }
        }
    }

    /// Ends a claimed operation by what was found, or leaves it open.
    fn conclude_claimed(
        &mut self,
        lease: ModelLease,
        look: &PendingLook,
        evidence: Option<(&PaymentSnapshot, ModelMerged)>,
        payment: &mut ModelPayment,
    ) {
        let (Some(row), Some(claimed)) = (self.now.journal[lease.call], look.claimed[lease.call]) else { return };
        let found = match (evidence, self.protocol.calls[lease.call].kind) {
            (None, _) => None,
            (Some(_), CallKind::Refund(_)) if is_shown(payment, lease.call) => Some(Evidence::Outcome),
            (Some((_, merged)), CallKind::Refund(_)) if merged.is_stale => None,
            (Some(_), CallKind::Refund(_)) => Some(Evidence::None),
            (Some((snapshot, _)), _) => {
                let operation = self.protocol.objects.operation(OperationKind::ConfirmPaymentIntent, &row);
                Some(self.evidence_of(snapshot, &operation))
            }
        };
        let misses = row.misses + u8::from(found == Some(Evidence::None));
        let is_absent = found == Some(Evidence::None) && self.is_absent(&row, claimed, misses);
        if is_absent {
            self.give_up_operation(lease.call, payment);
        }
        let is_known = is_absent || found == Some(Evidence::Outcome);
        let answer = self.answer(lease.call, payment);
        let verdict = if is_known { ModelVerdict::Done(answer) } else { ModelVerdict::InDoubt };
        self.conclude(lease, &verdict, misses);
    }

    /// Whether an operation without a trace is certain never to have reached Corefy, by its age when Corefy was asked.
    fn is_absent(&self, row: &JournalRow, claimed: ClaimedOperation, misses: u8) -> bool {
        let protocol = self.protocol;
        let is_believed = protocol.is_broken_by(Break::BelieveAbsenceAtOnce)
            || (protocol.is_broken_by(Break::LeaseEndIsDeath) && row.state == OperationState::Sent);
        let is_judged_now = protocol.is_broken_by(Break::JudgeAgeAtConclusion);
        let sent_at = NOW.before(age(if is_judged_now { row.age } else { claimed.age }));
        is_believed || is_absent(sent_at, NOW, misses.into(), SEND_LIMIT)
    }

    fn give_up_operation(&mut self, call: usize, payment: &mut ModelPayment) {
        let ModelPayment { intent, refunds } = payment;
        match (self.protocol.calls[call].kind, &mut refunds[call]) {
            (CallKind::Confirm, _) if intent.state == PaymentIntentState::Processing => {
                intent.give_up_attempt("upstream_no_record", "", NOW);
            }
            (CallKind::Refund(_), Some(refund)) if refund.state == RefundState::Pending => {
                intent.watch(NOW);
                advance(intent, refund, RefundState::Failed);
            }
            _ => return,
        }
        self.given_up = Some(call);
    }

    fn answer(&self, call: usize, payment: &ModelPayment) -> KeyAnswer {
        match (self.protocol.calls[call].kind, &payment.refunds[call]) {
            (CallKind::Refund(_), Some(refund)) => KeyAnswer::Refund(refund.state),
            _ => KeyAnswer::Intent(payment.intent.state),
        }
    }
}

/// Whether Corefy has shown the refund of a call.
fn is_shown(payment: &ModelPayment, call: usize) -> bool {
    payment.refunds[call].as_ref().is_some_and(|refund| refund.upstream_id.is_some())
}
