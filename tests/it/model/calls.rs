//! A call: reserve, send, settle, or the answer of an earlier call, as `app/perform.rs` and the commands have it.

use corefy_gateway::domain::{
    operation::OperationState,
    payment_intent::{Attempt, PaymentIntentState as State},
    refund::RefundState,
};

use super::{
    breaks::Break,
    domain_objects::{NOW, SEND_LIMIT, age},
    journal::{ModelLease, ModelVerdict},
    merging::ModelPayment,
    moves::Claiming,
    outcomes::decided,
    protocol::{CallKind, Heard, Turn, reserved},
    situation::{CallStage, Flight, IntentRow, KeyAnswer, ModelOutcome, PAIR, RefundRow},
};

/// The decision about a reservation, as in the code.
enum ModelReserved {
    /// These rows are written, and the call is sent.
    Send { payment: Box<ModelPayment>, baseline: i8 },
    /// Corefy is asked first.
    AskFirst,
    /// The rules forbid it.
    Refused,
}

impl Turn<'_> {
    /// Reads what the reservation is decided by. For its caller nothing has happened before that.
    pub fn read(&mut self, call: usize) -> Option<()> {
        let (CallStage::Unread { has_asked, .. } | CallStage::Read { intent: None, has_asked }) = self.now.calls[call]
        else {
            return None;
        };
        let is_creation = self.protocol.calls[call].kind == CallKind::Create;
        // A creation has nothing to read; its own row is the first.
        let intent = if is_creation { Some(self.protocol.objects.created()) } else { self.now.intent };
        self.now.calls[call] = CallStage::Read { intent: Some(intent?), has_asked };
        Some(())
    }

    /// Sends what is not reserved yet: the break that the order of the steps is for.
    pub fn send_unreserved(&mut self, call: usize) -> Option<()> {
        let CallStage::Read { intent: Some(intent), has_asked } = self.now.calls[call] else { return None };
        let may_begin = matches!(self.decide(call, intent, has_asked), ModelReserved::Send { .. });
        if !may_begin || self.protocol.keyed(&self.now, call).is_some() {
            return None;
        }
        self.now.flights[call].has_request = true;
        self.now.calls[call] = CallStage::SentUnreserved { intent: Some(intent) };
        Some(())
    }

    /// Decides by what was read, and commits that. A refusal counts only where no earlier call has the key.
    pub fn reserve(&mut self, call: usize) -> Option<()> {
        let (intent, has_asked, is_sent) = match self.now.calls[call] {
            CallStage::Read { intent: Some(intent), has_asked } => (intent, has_asked, false),
            CallStage::SentUnreserved { intent: Some(intent) } => (intent, true, true),
            _ => return None,
        };
        let decided = self.decide(call, intent, has_asked);
        let is_key_taken = self.protocol.keyed(&self.now, call).is_some();
        match decided {
            ModelReserved::AskFirst => {
                return self.look(self.protocol.calls[call].gateway, Claiming::All, Some(call));
            }
            _ if is_key_taken => self.now.calls[call] = CallStage::Replaying,
            ModelReserved::Refused => self.now.calls[call] = CallStage::Ended,
            ModelReserved::Send { payment, baseline } => {
                self.now.journal[call] = Some(reserved(baseline));
                self.now.calls[call] = if is_sent { CallStage::Sent } else { CallStage::Reserved };
                self.write_payment(&payment);
            }
        }
        Some(())
    }

    fn decide(&self, call: usize, read: IntentRow, has_asked: bool) -> ModelReserved {
        let objects = &self.protocol.objects;
        let refunds = [0, 1].map(|place: usize| Some(objects.refund(place, self.now.refunds[place]?)));
        let mut payment = Box::new(ModelPayment { intent: objects.intent(read), refunds });
        let intent = &mut payment.intent;
        match self.protocol.calls[call].kind {
            CallKind::Create => ModelReserved::Send { payment, baseline: baseline(None) },
            CallKind::Confirm => {
                if read.is_watched && !intent.state.is_paid() && !has_asked {
                    return ModelReserved::AskFirst;
                }
                if !self.has_room_for_attempt(call, read.state) {
                    return ModelReserved::Refused;
                }
                let before = (read.state != State::RequiresConfirmation).then_some(read.upstream_version);
                intent.begin_attempt(Attempt::default(), NOW);
                ModelReserved::Send { payment, baseline: baseline(before) }
            }
            CallKind::Refund(amount) => {
                if !intent.state.is_paid() || i64::from(amount) > intent.refundable().minor {
                    return ModelReserved::Refused;
                }
                intent.shift_refund(amount.into(), None, Some(RefundState::Pending));
                let row = RefundRow { state: RefundState::Pending, is_at_corefy: false };
                payment.refunds[call] = Some(objects.refund(call, row));
                ModelReserved::Send { payment, baseline: baseline(None) }
            }
        }
    }

    /// Whether there is room for an attempt: `ConfirmCommand::check_room`.
    fn has_room_for_attempt(&self, call: usize, state: State) -> bool {
        let ignores_first = self.protocol.is_broken_by(Break::SecondAttemptMeanwhile);
        let is_free = match state {
            State::RequiresConfirmation | State::RequiresPaymentMethod => true,
            State::Processing => ignores_first,
            State::RequiresAction | State::Succeeded | State::PartiallyPaid | State::Canceled => false,
        };
        let is_in_the_way = |other: usize| {
            let Some(row) = self.now.journal[other].filter(|_| other != call) else { return false };
            let operation = self.protocol.objects.operation(self.protocol.operation_kind(other), &row);
            // The code's `operations_unended` leaves out what ended by its own call.
            let is_unended = row.is_open() || (row.epoch > 1 && !row.call_ended);
            is_unended && (row.is_open() || operation.may_be_under_way(NOW, SEND_LIMIT))
        };
        is_free && (ignores_first || !(0..PAIR).any(is_in_the_way))
    }

    /// Sends, unless the time for that is over.
    pub fn send(&mut self, call: usize) -> Option<()> {
        let row = self.now.journal[call]?;
        let is_too_late = age(row.age) >= SEND_LIMIT;
        let outcome = is_too_late.then_some(ModelOutcome::NotSent);
        self.now.flights[call] = Flight { has_request: !is_too_late, outcome };
        self.now.calls[call] = CallStage::Sent;
        Some(())
    }

    /// Writes the outcome under the first epoch, or answers what another holder has found.
    pub fn settle(&mut self, call: usize) -> Option<()> {
        let outcome = self.now.flights[call].outcome.take()?;
        self.now.calls[call] = CallStage::Ended;
        let lease = ModelLease::held(call, 1);
        if !self.stands(lease) {
            self.now.calls[call] = CallStage::Replaying;
            return Some(());
        }
        let mut payment = self.payment()?;
        let outcome = match outcome {
            ModelOutcome::Unknown if self.protocol.is_broken_by(Break::SilenceIsNotSent) => ModelOutcome::NotSent,
            outcome => outcome,
        };
        let verdict = self.judge(call, outcome, &mut payment, true);
        if !self.conclude(lease, &verdict, 0) {
            self.now.calls[call] = CallStage::Replaying;
            return Some(());
        }
        self.write_judged(call, &verdict, &payment);
        self.heard = match verdict {
            ModelVerdict::Done(answer) => Some((call, Heard::Final(answer))),
            ModelVerdict::Refused => Some((call, Heard::Final(KeyAnswer::Refused))),
            ModelVerdict::Released => Some((call, Heard::NotSent)),
            ModelVerdict::InDoubt => None,
        };
        Some(())
    }

    /// Answers a call whose key or whose operation another has: what was frozen, else the object as it is, frozen first where it
    /// shows the outcome.
    pub fn replay(&mut self, call: usize) -> Option<()> {
        let Some((owner, row)) = self.protocol.keyed(&self.now, call) else {
            // It was taken back: this call reserves in its place.
            self.now.calls[call] = CallStage::Unread { is_begun: true, has_asked: false };
            return Some(());
        };
        self.now.calls[call] = CallStage::Ended;
        if self.is_first_call_running(owner, &row) {
            return Some(()); // Its caller hears that a call with this key is running.
        }
        if let Some(answer) = row.answer.filter(|_| row.state == OperationState::Done) {
            self.heard = Some((call, Heard::Final(answer)));
            return Some(());
        }
        let payment = self.payment()?;
        let answer = decided(self.protocol.calls[owner].kind, owner, &payment);
        let Some(answer) = answer else { return Some(()) };
        let is_frozen = self.conclude(ModelLease::taken_over(owner, &row), &ModelVerdict::Done(answer), 0);
        self.heard = is_frozen.then_some((call, Heard::Final(answer)));
        Some(())
    }
}

/// The baseline of a row, by the version that was known before.
fn baseline(before: Option<u8>) -> i8 {
    before.map_or(-1, |version| i8::try_from(version).unwrap())
}
