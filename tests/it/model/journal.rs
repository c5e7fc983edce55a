//! Commits: how the rows of the journal and of the intent are written, with the conditions of the code's statements.

use corefy_gateway::domain::{
    operation::{OperationState, next_check},
    payment_intent::PaymentIntent,
    refund::Refund,
};

use super::{
    breaks::Break,
    domain_objects::{NOW, intent_row, refund_row},
    protocol::Turn,
    situation::{CallStage, JournalRow, KeyAnswer, LeaseState, PAIR},
};

/// The meaning of an outcome for an operation, as the code's `Verdict`.
pub enum ModelVerdict {
    /// It ends with this answer.
    Done(KeyAnswer),
    /// It ends with a refusal.
    Refused,
    /// It is taken back.
    Released,
    /// It stays open.
    InDoubt,
}

/// The right to write an outcome.
#[derive(Clone, Copy)]
pub struct ModelLease {
    /// The operation, by the call that reserved it.
    pub call: usize,
    /// The epoch under which it is held.
    pub epoch: u8,
    /// Whether it is taken over with the write.
    pub takes_over: bool,
}

impl ModelLease {
    /// A lease that was reserved or claimed.
    pub fn held(call: usize, epoch: u8) -> Self {
        Self { call, epoch, takes_over: false }
    }

    /// A lease that is taken over by the write.
    pub fn taken_over(call: usize, row: &JournalRow) -> Self {
        Self { call, epoch: row.epoch, takes_over: true }
    }
}

impl Turn<'_> {
    /// Whether a commit under this lease would find its row.
    pub fn stands(&self, lease: ModelLease) -> bool {
        let ignores_epoch = self.protocol.is_broken_by(Break::SettleWithoutEpoch);
        self.now.journal[lease.call].is_some_and(|row| row.is_open() && (row.epoch == lease.epoch || ignores_epoch))
    }

    /// Writes what a verdict means for the journal. `false`: the lease is lost, and nothing may be written with it.
    pub fn conclude(&mut self, lease: ModelLease, verdict: &ModelVerdict, misses: u8) -> bool {
        if !self.stands(lease) {
            return false;
        }
        match verdict {
            ModelVerdict::Done(answer) => self.finish(lease, *answer),
            ModelVerdict::Refused => self.finish(lease, KeyAnswer::Refused),
            ModelVerdict::Released => {
                self.now.journal[lease.call] = None;
                self.written.push((lease.call, lease.epoch));
            }
            ModelVerdict::InDoubt => return self.leave_open(lease, misses),
        }
        true
    }

    fn finish(&mut self, lease: ModelLease, answer: KeyAnswer) {
        let Some(row) = &mut self.now.journal[lease.call] else { return };
        (row.state, row.answer) = (OperationState::Done, Some(answer));
        row.epoch += u8::from(lease.takes_over);
        self.written.push((lease.call, lease.epoch));
    }

    /// Gives a lease back. The code's statement notes that the first call has ended, and conflicts where it was given back.
    fn leave_open(&mut self, lease: ModelLease, misses: u8) -> bool {
        let Some(row) = &mut self.now.journal[lease.call] else { return false };
        if row.lease == LeaseState::GivenBack {
            return false;
        }
        row.call_ended |= row.epoch == 1;
        (row.lease, row.misses) = (LeaseState::GivenBack, misses);
        let kind = self.protocol.operation_kind(lease.call);
        let operation = self.protocol.objects.operation(kind, row);
        let is_looked_up = next_check(operation.sent_at, NOW, operation.misses).is_some();
        row.state = if is_looked_up { OperationState::InDoubt } else { OperationState::NeedsOperator };
        self.written.push((lease.call, lease.epoch));
        true
    }

    /// Writes the intent: whoever has read it and not written yet has to read again.
    pub fn write_intent(&mut self, intent: Option<&PaymentIntent>) {
        self.now.intent = intent.map(intent_row);
        if self.protocol.is_broken_by(Break::IgnoreVersion) {
            return;
        }
        for stage in &mut self.now.calls {
            if let CallStage::Read { intent, .. } | CallStage::SentUnreserved { intent } = stage {
                *intent = None;
            }
        }
    }

    /// Writes the refunds.
    pub fn write_refunds(&mut self, refunds: &[Option<Refund>; PAIR]) {
        self.now.refunds = refunds.each_ref().map(|refund| refund.as_ref().map(refund_row));
    }
}
