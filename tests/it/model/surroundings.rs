//! The world around the protocol: Corefy does what it is told, the network loses and delays, gateways die and freeze, and time
//! passes.

use corefy_gateway::domain::operation::Operation;

use super::{
    domain_objects::{NOW, SEND_LIMIT},
    moves::Arrival,
    protocol::{CallKind, Turn},
    situation::{CallStage, CorefyStatus, FaultBudget, Flight, JournalRow, LeaseState, ModelOutcome, OLDEST, PAIR},
};

impl Turn<'_> {
    /// Takes a fault from the budget; `None`: there is none left.
    pub fn use_fault(&mut self, of: impl Fn(&mut FaultBudget) -> &mut u8) -> Option<()> {
        let faults = &mut self.now.faults;
        let kind = of(faults);
        *kind = kind.checked_sub(1)?;
        faults.all = faults.all.checked_sub(1)?;
        Some(())
    }

    /// No connection: nothing was sent.
    pub fn fail_to_connect(&mut self, call: usize) -> Option<()> {
        self.use_fault(|faults| &mut faults.failed_connections)?;
        self.now.flights[call] = Flight { has_request: false, outcome: Some(ModelOutcome::NotSent) };
        self.now.calls[call] = CallStage::Sent;
        Some(())
    }

    /// A request arrives. Corefy does it whatever it did before; the answer goes back to a call that still waits.
    pub fn arrive(&mut self, call: usize, arrival: Arrival) -> Option<()> {
        if !std::mem::take(&mut self.now.flights[call].has_request) {
            return None;
        }
        self.carry_out(call, arrival)?;
        let is_awaited = self.now.flights[call].outcome.is_none()
            && matches!(self.now.calls[call], CallStage::Sent | CallStage::SentUnreserved { .. });
        if is_awaited {
            let is_refused = arrival == Arrival::Refused;
            let outcome = if is_refused { ModelOutcome::Refused } else { ModelOutcome::Answered(self.now.corefy.view) };
            self.now.flights[call].outcome = Some(outcome);
        }
        Some(())
    }

    fn carry_out(&mut self, call: usize, arrival: Arrival) -> Option<()> {
        let corefy = &mut self.now.corefy;
        let kind = self.protocol.calls[call].kind;
        let is_repeated = kind == CallKind::Create && (corefy.has_done[call] || corefy.has_refused[call]);
        if is_repeated {
            // A reference that is known is made once, and answered alike.
            return ((arrival == Arrival::Refused) == corefy.has_refused[call]).then_some(());
        }
        match (kind, arrival) {
            (_, Arrival::Refused) => corefy.has_refused[call] = true,
            (CallKind::Create, Arrival::Done) => corefy.has_done[call] = true,
            (CallKind::Refund(_), Arrival::Done) => {
                corefy.has_done[call] = true;
                corefy.view.refunds[call] = true;
            }
            (CallKind::Confirm, arrival) => {
                corefy.has_done[call] = true;
                corefy.charges += u8::from(arrival != Arrival::Declined);
                corefy.view.status = status_after(arrival);
                corefy.view.version += 1;
            }
            (CallKind::Create | CallKind::Refund(_), Arrival::Declined | Arrival::UnderWay) => return None,
        }
        Some(())
    }

    /// The attempt under way at Corefy ends.
    pub fn finish_attempt(&mut self, arrival: Arrival) -> Option<()> {
        let corefy = &mut self.now.corefy;
        if corefy.view.status != CorefyStatus::Processing {
            return None;
        }
        corefy.charges -= u8::from(arrival == Arrival::Declined);
        corefy.view.status = status_after(arrival);
        corefy.view.version += 1;
        Some(())
    }

    /// A request is lost on its way.
    pub fn lose_request(&mut self, call: usize) -> Option<()> {
        self.use_fault(|faults| &mut faults.lost_requests)?;
        std::mem::take(&mut self.now.flights[call].has_request).then_some(())
    }

    /// An answer is lost on its way: the call hears nothing.
    pub fn lose_answer(&mut self, call: usize) -> Option<()> {
        self.use_fault(|faults| &mut faults.lost_answers)?;
        let outcome = &mut self.now.flights[call].outcome;
        let is_answer = matches!(outcome, Some(ModelOutcome::Answered(_) | ModelOutcome::Refused));
        *outcome = Some(ModelOutcome::Unknown);
        is_answer.then_some(())
    }

    /// A call stops waiting. Its request may still be on its way, which is a fault of the network.
    pub fn give_up(&mut self, call: usize) -> Option<()> {
        if self.now.flights[call].outcome.is_some() {
            return None;
        }
        if self.now.flights[call].has_request {
            self.use_fault(|faults| &mut faults.late_arrivals)?;
        }
        self.now.flights[call].outcome = Some(ModelOutcome::Unknown);
        Some(())
    }

    /// A gateway dies with all that it is at, and is started again at once. Its leases stand until their time is over.
    pub fn crash(&mut self, gateway: usize) -> Option<()> {
        self.use_fault(|faults| &mut faults.crashes)?;
        let mut has_died = self.now.looks[gateway].take().is_some();
        for call in (0..PAIR).filter(|call| self.protocol.calls[*call].gateway == gateway) {
            let stage = self.now.calls[call];
            if stage == CallStage::Ended || stage == (CallStage::Unread { is_begun: false, has_asked: false }) {
                continue;
            }
            self.now.calls[call] = CallStage::Ended;
            self.now.flights[call].outcome = None;
            has_died = true;
        }
        has_died.then_some(())
    }

    /// A lease ends: of the dead in its time, of the living only while they are frozen.
    pub fn end_lease(&mut self, call: usize) -> Option<()> {
        if self.is_held_by_the_living(call) {
            self.use_fault(|faults| &mut faults.frozen_leases)?;
        }
        let row = self.now.journal[call].as_mut()?;
        if !row.is_open() || row.lease != LeaseState::Held {
            return None;
        }
        row.lease = LeaseState::Over;
        Some(())
    }

    /// Time passes, which nothing may outlast: no lease of the dead, no request that would be older than requests become.
    pub fn tick(&mut self) -> Option<()> {
        let mut has_aged = false;
        for call in 0..PAIR {
            let Some(row) = self.now.journal[call] else { continue };
            let is_of_the_dead = row.is_open() && row.lease == LeaseState::Held && !self.is_held_by_the_living(call);
            let older = JournalRow { age: row.age.saturating_add(self.protocol.tick).min(OLDEST), ..row };
            if is_of_the_dead || (self.now.flights[call].has_request && !self.may_arrive(call, &older)) {
                return None;
            }
            has_aged |= older.age != row.age;
            self.now.journal[call] = Some(older);
        }
        has_aged.then_some(())
    }

    /// Whether a request that was sent for this row may still arrive: the assumption about the network that the gateway makes.
    fn may_arrive(&self, call: usize, row: &JournalRow) -> bool {
        let operation: Operation = self.protocol.objects.operation(self.protocol.operation_kind(call), row);
        operation.may_be_under_way(NOW, SEND_LIMIT)
    }
}

fn status_after(arrival: Arrival) -> CorefyStatus {
    match arrival {
        Arrival::Done => CorefyStatus::Paid,
        Arrival::Declined => CorefyStatus::Failed,
        Arrival::UnderWay | Arrival::Refused => CorefyStatus::Processing,
    }
}
