//! The protocol: two gateways on one database, two calls, and every move that they, Corefy, the network and time can make.

use corefy_gateway::domain::{
    operation::{OperationKind, OperationState},
    payment_intent::PaymentIntentState,
};

use super::{
    breaks::Break,
    domain_objects::{AMOUNT, DomainObjects},
    explorer::{Explorable, Transition},
    laws,
    moves::{Arrival, Claiming, Move},
    situation::{
        CallStage, CorefySide, CorefyStatus, FaultBudget, Flight, IntentRow, JournalRow, KeyAnswer, LeaseState, PAIR,
        Situation, View,
    },
};

/// A call of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct CallSpec {
    /// The gateway that gets it.
    pub gateway: usize,
    /// Its idempotency key.
    pub key: usize,
    /// The call.
    pub kind: CallKind,
}

/// The kind of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallKind {
    /// `CreatePaymentIntent`.
    Create,
    /// `ConfirmPaymentIntent`.
    Confirm,
    /// `CreateRefund` of so many minor units.
    Refund(u8),
}

/// The model: a scenario, its bounds, and the break that it is to find, if any.
pub struct Protocol {
    /// Both calls.
    pub calls: [CallSpec; PAIR],
    /// The faults that may happen.
    pub faults: FaultBudget,
    /// How much time passes at a time, in seconds.
    pub tick: u8,
    /// The break.
    pub broken: Option<Break>,
    /// The objects that the domain decides about.
    pub objects: DomainObjects,
}

/// A situation while a move is made.
pub struct Turn<'a> {
    /// The model.
    pub protocol: &'a Protocol,
    /// The situation, which changes.
    pub now: Situation,
    /// The answer that a caller hears.
    pub heard: Option<(usize, Heard)>,
    /// The operation whose outcome is written, and the epoch under which.
    pub written: Vec<(usize, u8)>,
    /// The operation that is given up.
    pub given_up: Option<usize>,
    /// Why Corefy's word contradicts the books.
    pub contradiction: Option<&'static str>,
}

/// The answer of a call, as far as laws are about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The final answer.
    Final(KeyAnswer),
    /// This call sent nothing.
    NotSent,
}

impl Protocol {
    /// A scenario with these calls, which begins with an intent as they need it.
    pub fn new(calls: [CallSpec; PAIR], faults: FaultBudget, tick: u8, broken: Option<Break>) -> Self {
        let amount = |call: CallSpec| if let CallKind::Refund(amount) = call.kind { amount } else { 0 };
        Self { calls, faults, tick, broken, objects: DomainObjects::new(calls.map(amount)) }
    }

    /// Whether the protocol is broken in this way.
    pub fn is_broken_by(&self, broken: Break) -> bool {
        self.broken == Some(broken)
    }

    /// The kind of the operation of a call.
    pub fn operation_kind(&self, call: usize) -> OperationKind {
        match self.calls[call].kind {
            CallKind::Create => OperationKind::CreatePaymentIntent,
            CallKind::Confirm => OperationKind::ConfirmPaymentIntent,
            CallKind::Refund(_) => OperationKind::CreateRefund,
        }
    }

    /// The operation that was reserved under the key of a call, by the call that reserved it.
    pub fn keyed(&self, situation: &Situation, call: usize) -> Option<(usize, JournalRow)> {
        let has_key = |other: &usize| self.calls[*other].key == self.calls[call].key;
        (0..PAIR).filter(has_key).find_map(|other| Some((other, situation.journal[other]?)))
    }

    fn begin(&self, situation: &Situation) -> Turn<'_> {
        Turn { protocol: self, now: *situation, heard: None, written: Vec::new(), given_up: None, contradiction: None }
    }

    /// The moves that can be made; whether each leads anywhere is found by making it.
    fn possible(&self, situation: &Situation) -> Vec<Move> {
        let mut moves = vec![Move::Tick, Move::Finish(Arrival::Done), Move::Finish(Arrival::Declined)];
        for place in 0..PAIR {
            moves.extend(self.moves_of_call(situation, place));
            moves.extend([Move::Look(place, Claiming::All), Move::Conclude(place), Move::LoseLook(place)]);
            moves.extend((0..PAIR).map(|one| Move::Look(place, Claiming::One(one))));
            moves.extend([Move::Crash(place), Move::EndLease(place)]);
        }
        moves
    }

    fn moves_of_call(&self, situation: &Situation, call: usize) -> Vec<Move> {
        let mut moves = match situation.calls[call] {
            CallStage::Unread { .. } | CallStage::Read { intent: None, .. } => vec![Move::Read(call)],
            CallStage::Read { .. } if self.is_broken_by(Break::SendBeforeReserve) => vec![Move::SendUnreserved(call)],
            CallStage::Read { .. } | CallStage::SentUnreserved { .. } => vec![Move::Reserve(call)],
            CallStage::Reserved => vec![Move::Send(call), Move::FailToConnect(call)],
            CallStage::Sent => vec![Move::Settle(call), Move::GiveUp(call)],
            CallStage::Replaying => vec![Move::Replay(call)],
            CallStage::Asking | CallStage::Ended => Vec::new(),
        };
        let all = [Arrival::Done, Arrival::Declined, Arrival::UnderWay, Arrival::Refused];
        moves.extend(all.map(|arrival| Move::Arrive(call, arrival)));
        moves.extend([Move::LoseRequest(call), Move::LoseAnswer(call)]);
        moves
    }

    /// Whether a move is made without anybody's asking.
    fn is_own(&self, situation: &Situation, by: Move) -> bool {
        match by {
            Move::Read(call) => situation.calls[call] != CallStage::Unread { is_begun: false, has_asked: false },
            _ => true,
        }
    }
}

impl Explorable for Protocol {
    type Situation = Situation;
    type Move = Move;

    fn start(&self) -> Situation {
        let (intent, status) = match self.calls[0].kind {
            CallKind::Create => (None, CorefyStatus::AwaitingConfirmation),
            CallKind::Confirm => {
                (Some(known_intent(PaymentIntentState::RequiresConfirmation)), CorefyStatus::AwaitingConfirmation)
            }
            CallKind::Refund(_) => (Some(known_intent(PaymentIntentState::Succeeded)), CorefyStatus::Paid),
        };
        let is_paid = status == CorefyStatus::Paid;
        let intent = intent.map(|row| IntentRow { received: if is_paid { AMOUNT } else { 0 }, ..row });
        Situation {
            intent,
            journal: [None; PAIR],
            refunds: [None; PAIR],
            calls: [CallStage::Unread { is_begun: false, has_asked: false }; PAIR],
            looks: [None; PAIR],
            flights: [Flight::default(); PAIR],
            corefy: CorefySide {
                view: View { status, version: 1, refunds: [false; PAIR] },
                charges: u8::from(is_paid),
                has_done: [false; PAIR],
                has_refused: [false; PAIR],
            },
            told: [None; PAIR],
            faults: self.faults,
        }
    }

    fn moves(&self, situation: &Situation) -> Vec<Transition<Move, Situation>> {
        let made = self.possible(situation).into_iter().filter_map(|by| {
            let faults = situation.faults;
            let mut turn = self.begin(situation);
            turn.make(by)?;
            let broken = laws::broken(situation, &mut turn);
            let is_own = self.is_own(situation, by) && turn.now.faults == faults;
            Some(Transition { by, to: turn.now.into_canonical(), broken, is_own })
        });
        made.collect()
    }

    fn is_at_rest(&self, situation: &Situation) -> bool {
        laws::is_at_rest(self, situation)
    }
}

/// An intent that Corefy has, in this state.
fn known_intent(state: PaymentIntentState) -> IntentRow {
    IntentRow {
        state,
        received: 0,
        refunded: 0,
        refund_pending: 0,
        upstream_version: 1,
        is_at_corefy: true,
        is_unanswered: false,
        has_error: false,
        is_watched: false,
    }
}

impl Turn<'_> {
    /// Makes a move; `None`: it cannot be made, or changes nothing that counts.
    fn make(&mut self, by: Move) -> Option<()> {
        match by {
            Move::Read(call) => self.read(call),
            Move::SendUnreserved(call) => self.send_unreserved(call),
            Move::Reserve(call) => self.reserve(call),
            Move::Send(call) => self.send(call),
            Move::FailToConnect(call) => self.fail_to_connect(call),
            Move::Arrive(call, arrival) => self.arrive(call, arrival),
            Move::LoseRequest(call) => self.lose_request(call),
            Move::LoseAnswer(call) => self.lose_answer(call),
            Move::GiveUp(call) => self.give_up(call),
            Move::Settle(call) => self.settle(call),
            Move::Replay(call) => self.replay(call),
            Move::Look(gateway, claiming) => self.look_unasked(gateway, claiming),
            Move::Conclude(gateway) => self.conclude_look(gateway, false),
            Move::LoseLook(gateway) => self.conclude_look(gateway, true),
            Move::Crash(gateway) => self.crash(gateway),
            Move::EndLease(call) => self.end_lease(call),
            Move::Finish(arrival) => self.finish_attempt(arrival),
            Move::Tick => self.tick(),
        }
    }

    /// Whether somebody alive may still write under the present epoch of an operation.
    pub fn is_held_by_the_living(&self, call: usize) -> bool {
        let Some(row) = self.now.journal[call] else { return false };
        let by_its_call = row.epoch == 1 && matches!(self.now.calls[call], CallStage::Reserved | CallStage::Sent);
        let claims = self.now.looks.iter().flatten().filter_map(|look| look.claimed[call]);
        by_its_call || claims.into_iter().any(|claimed| claimed.epoch == row.epoch)
    }

    /// Whether the call that reserved an operation is running, by the code's own rule.
    pub fn is_first_call_running(&self, call: usize, row: &JournalRow) -> bool {
        let operation = self.protocol.objects.operation(self.protocol.operation_kind(call), row);
        operation.is_first_call_running(super::domain_objects::NOW)
    }
}

/// A row as it is reserved.
pub fn reserved(baseline: i8) -> JournalRow {
    JournalRow {
        state: OperationState::Sent,
        epoch: 1,
        lease: LeaseState::Held,
        age: 0,
        misses: 0,
        baseline,
        call_ended: false,
        answer: None,
    }
}
