//! One situation of the protocol: the rows of the database, what the two gateways are at, what is on its way, and what Corefy
//! has done. It is as small as it can be, and equal to another exactly when nothing tells them apart any more.

use corefy_gateway::domain::{
    operation::{ABSENT_AFTER, ABSENT_MISSES, OperationState},
    payment_intent::PaymentIntentState,
    refund::RefundState,
};

/// The number of calls in a scenario, and of gateways on the database.
pub const PAIR: usize = 2;
/// The age from which an operation only grows older without anything becoming possible, in seconds.
pub const OLDEST: u8 = ABSENT_AFTER.as_secs() as u8;

/// Everything at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Situation {
    /// The row of the intent.
    pub intent: Option<IntentRow>,
    /// The rows of the journal, by the call that reserved them.
    pub journal: [Option<JournalRow>; PAIR],
    /// The rows of the refunds, by the call that made them.
    pub refunds: [Option<RefundRow>; PAIR],
    /// How far each call is.
    pub calls: [CallStage; PAIR],
    /// The look that each gateway is at.
    pub looks: [Option<PendingLook>; PAIR],
    /// The requests and answers of each call.
    pub flights: [Flight; PAIR],
    /// Corefy's side.
    pub corefy: CorefySide,
    /// The final answer that was told under each key.
    pub told: [Option<KeyAnswer>; PAIR],
    /// The faults that may still happen.
    pub faults: FaultBudget,
}

/// The row of the intent, as far as the protocol goes by it. Its version is not a number here: [`CallStage::Read`] knows whether
/// the row was written since.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IntentRow {
    /// Its state.
    pub state: PaymentIntentState,
    /// In minor units.
    pub received: u8,
    /// In minor units.
    pub refunded: u8,
    /// In minor units.
    pub refund_pending: u8,
    /// Corefy's version of the newest state that was merged.
    pub upstream_version: u8,
    /// Whether Corefy's id is known.
    pub is_at_corefy: bool,
    /// Whether the answer to what is under way is missing.
    pub is_unanswered: bool,
    /// Whether the last attempt left an error.
    pub has_error: bool,
    /// Whether Corefy is asked because something was given up.
    pub is_watched: bool,
}

/// The row of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JournalRow {
    /// Its state.
    pub state: OperationState,
    /// Counted from 1; later epochs only by their order.
    pub epoch: u8,
    /// Its lease.
    pub lease: LeaseState,
    /// How long ago it was reserved, in seconds; [`OLDEST`] at most.
    pub age: u8,
    /// How often Corefy cleanly knew nothing of it; three at most.
    pub misses: u8,
    /// The intent's version before, as in the journal.
    pub baseline: i8,
    /// Whether its own call has written that it has ended.
    pub call_ended: bool,
    /// The frozen answer.
    pub answer: Option<KeyAnswer>,
}

/// A lease, by how it stands now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LeaseState {
    /// Its time is not over.
    Held,
    /// Its time is over; its holder may be alive.
    Over,
    /// Its holder gave it back.
    GivenBack,
}

/// The row of a refund.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RefundRow {
    /// Its state.
    pub state: RefundState,
    /// Whether Corefy's id is known.
    pub is_at_corefy: bool,
}

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallStage {
    /// Its caller has not made it; or it has to read again, after Corefy was asked about the attempt before.
    Unread { is_begun: bool, has_asked: bool },
    /// It has read what the reservation is decided by; `None` when that was written since.
    Read { intent: Option<IntentRow>, has_asked: bool },
    /// Corefy is asked first, by the look of its gateway.
    Asking,
    /// Its request is on its way before the reservation stands: only where that is the break.
    SentUnreserved { intent: Option<IntentRow> },
    /// The reservation is durable; nothing was sent.
    Reserved,
    /// It was sent, or could not be.
    Sent,
    /// An earlier call has its key, or another holder its operation.
    Replaying,
    /// Its caller was answered, or it died.
    Ended,
}

/// A request on its way to Corefy, and the answer that comes back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flight {
    /// Whether the request is on its way.
    pub has_request: bool,
    /// The outcome that waits for the call.
    pub outcome: Option<ModelOutcome>,
}

/// The outcome of sending, as in the code's `Outcome`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModelOutcome {
    /// Corefy answered.
    Answered(View),
    /// Corefy refused: nothing was done.
    Refused,
    /// Nothing was sent.
    NotSent,
    /// Not known.
    Unknown,
}

/// A payment as Corefy shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// How it stands.
    pub status: CorefyStatus,
    /// Corefy's own version of that.
    pub version: u8,
    /// The refunds that were made.
    pub refunds: [bool; PAIR],
}

/// The status of a payment at Corefy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CorefyStatus {
    /// No attempt was made.
    AwaitingConfirmation,
    /// An attempt is under way.
    Processing,
    /// Charged.
    Paid,
    /// Declined.
    Failed,
}

/// Corefy's side: a judge that does whatever it is told, as often as it is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CorefySide {
    /// The payment, as it would be shown.
    pub view: View,
    /// How many attempts were charged, or still may be.
    pub charges: u8,
    /// Whether the request of each call has arrived and something was done.
    pub has_done: [bool; PAIR],
    /// Whether the request of each call was refused.
    pub has_refused: [bool; PAIR],
}

/// The look of a gateway at the payment, from the question to its conclusion.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PendingLook {
    /// The operations that it has claimed.
    pub claimed: [Option<ClaimedOperation>; PAIR],
    /// The payment as Corefy showed it, or the outcome of repeating a creation.
    pub found: ModelOutcome,
    /// Whether the intent's answer was missing when Corefy was asked.
    pub was_unanswered: bool,
    /// The call that waits for it.
    pub asked_by: Option<usize>,
}

/// An operation as it was claimed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClaimedOperation {
    /// The epoch of the claim.
    pub epoch: u8,
    /// How old it was when Corefy was asked, in seconds.
    pub age: u8,
}

/// The final answer of a call, as its caller hears it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyAnswer {
    /// The intent in this state.
    Intent(PaymentIntentState),
    /// The refund in this state.
    Refund(RefundState),
    /// Corefy's refusal.
    Refused,
}

/// How many faults of each kind, and of all together, may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FaultBudget {
    /// Gateways that die.
    pub crashes: u8,
    /// Requests that get lost.
    pub lost_requests: u8,
    /// Answers that get lost, to calls and to looks.
    pub lost_answers: u8,
    /// Calls that give up while their request is still on its way.
    pub late_arrivals: u8,
    /// Leases that end while their holder is frozen and goes on later.
    pub frozen_leases: u8,
    /// Requests for which there was no connection.
    pub failed_connections: u8,
    /// Of all kinds together.
    pub all: u8,
    /// Webhooks and reads that have Corefy asked although no operation is due; no faults, but bounded like them.
    pub hints: u8,
}

impl JournalRow {
    /// Whether its outcome is not known.
    pub fn is_open(&self) -> bool {
        self.state != OperationState::Done
    }

    /// Takes away what tells nothing any more.
    fn forget(&mut self) {
        self.misses = self.misses.min(ABSENT_MISSES as u8);
        if !self.is_open() {
            (self.misses, self.baseline, self.lease) = (0, 0, LeaseState::Over);
            if self.call_ended || self.epoch == 1 {
                self.age = OLDEST;
            }
        }
    }
}

impl Situation {
    /// Takes away the looks of which nothing will be written: another has claimed one of their operations, or ended it.
    fn forget_vain_looks(&mut self) {
        let journal = self.journal;
        let is_lost = |place: usize, claimed: ClaimedOperation| {
            journal[place].is_none_or(|row| !row.is_open() || row.epoch != claimed.epoch)
        };
        for slot in &mut self.looks {
            let Some(look) = slot.as_ref().filter(|look| look.asked_by.is_none()) else { continue };
            if (0..PAIR).any(|place| look.claimed[place].is_some_and(|claimed| is_lost(place, claimed))) {
                *slot = None;
            }
        }
    }

    /// Brings it into the form that equals every situation from which the same follows: epochs are counted in their order,
    /// and what tells nothing is taken away.
    pub fn into_canonical(mut self) -> Self {
        self.forget_vain_looks();
        for place in 0..PAIR {
            let Some(row) = &mut self.journal[place] else { continue };
            row.forget();
            let claims = self.looks.iter_mut().flatten().filter_map(|look| look.claimed[place].as_mut());
            let mut epochs: Vec<&mut u8> = claims.map(|claimed| &mut claimed.epoch).chain([&mut row.epoch]).collect();
            epochs.sort_unstable();
            let (mut last, mut count) = (1, 1);
            for epoch in epochs.into_iter().filter(|epoch| **epoch > 1) {
                count += u8::from(*epoch != last);
                (last, *epoch) = (*epoch, count);
            }
        }
        self
    }
}
