//! The laws: what has to hold at every move, and what rest is.

use corefy_gateway::domain::{payment_intent::PaymentIntentState as State, refund::RefundState};

use super::{
    domain_objects::{AMOUNT, NOW},
    protocol::{CallKind, Heard, Protocol, Turn},
    situation::{CallStage, CorefyStatus, Flight, IntentRow, JournalRow, PAIR, Situation},
};

/// An intent is charged once at most.
pub const ONE_CHARGE: &str = "an intent is charged once at most";
/// Refunds that were sent are covered by what was received.
pub const REFUNDS_COVERED: &str = "refunds that are sent are covered by what was received";
/// A key makes one intent at most.
pub const ONE_CREATION: &str = "a key makes one intent at most";
/// An outcome is written only under the claimed epoch.
pub const UNDER_ITS_EPOCH: &str = "an outcome is written only under the epoch that was claimed";
/// States never go backwards.
pub const NEVER_BACKWARDS: &str = "states never go backwards";
/// A frozen answer stays.
pub const FROZEN: &str = "a frozen answer never changes";
/// A key has one final answer.
pub const ONE_ANSWER: &str = "a key has one final answer";
/// `NotSent` is the truth.
pub const NOT_SENT: &str = "not sent is answered only if nothing arrived or will";
/// Absence is the truth.
pub const ABSENT: &str = "only what never arrived and never will is given up";
/// Corefy does not contradict the books.
pub const NO_CONTRADICTION: &str = "Corefy's word never contradicts the books";

/// The law that a move breaks, if it does. The answer that a caller hears is noted.
pub fn broken(before: &Situation, turn: &mut Turn<'_>) -> Option<&'static str> {
    let laws = [
        (ONE_CHARGE, turn.now.corefy.charges <= 1),
        (REFUNDS_COVERED, are_refunds_covered(turn)),
        (ONE_CREATION, is_created_once(turn)),
        (UNDER_ITS_EPOCH, are_epochs_right(before, turn)),
        (NEVER_BACKWARDS, are_states_forward(before, turn)),
        (FROZEN, are_answers_frozen(before, turn)),
        (NOT_SENT, is_not_sent_true(turn)),
        (ABSENT, turn.given_up.is_none_or(|call| !has_reached(&turn.now, call))),
        (NO_CONTRADICTION, turn.contradiction.is_none()),
        (ONE_ANSWER, note_answer(turn)),
    ];
    laws.into_iter().find(|(_, holds)| !holds).map(|(law, _)| law)
}

/// Whether the request of a call has arrived, or still may.
fn has_reached(now: &Situation, call: usize) -> bool {
    now.flights[call].has_request || now.corefy.has_done[call]
}

fn are_refunds_covered(turn: &Turn<'_>) -> bool {
    let sent =
        (0..PAIR).filter(|call| has_reached(&turn.now, *call)).map(|call| match turn.protocol.calls[call].kind {
            CallKind::Refund(amount) => amount,
            CallKind::Create | CallKind::Confirm => 0,
        });
    sent.sum::<u8>() <= AMOUNT
}

fn is_created_once(turn: &Turn<'_>) -> bool {
    let is_creation = |call: &usize| turn.protocol.calls[*call].kind == CallKind::Create;
    (0..PAIR).filter(is_creation).filter(|call| turn.now.corefy.has_done[*call]).count() <= 1
}

fn are_epochs_right(before: &Situation, turn: &Turn<'_>) -> bool {
    turn.written.iter().all(|(call, epoch)| before.journal[*call].is_some_and(|row| row.epoch == *epoch))
}

fn are_states_forward(before: &Situation, turn: &Turn<'_>) -> bool {
    let may_follow = match (before.intent, turn.now.intent) {
        (Some(from), Some(to)) => from.state == to.state || from.state.may_become(to.state),
        // Only a creation that was never told is taken back.
        (Some(from), None) => !from.is_at_corefy,
        (None, _) => true,
    };
    may_follow
        && before.refunds.iter().zip(&turn.now.refunds).all(|(from, to)| match (from, to) {
            (Some(from), Some(to)) => from.state == to.state || from.state.may_become(to.state),
            (Some(from), None) => from.state == RefundState::Pending && !from.is_at_corefy,
            (None, _) => true,
        })
}

fn are_answers_frozen(before: &Situation, turn: &Turn<'_>) -> bool {
    before.journal.iter().zip(&turn.now.journal).all(|(from, to)| match from.and_then(|row| row.answer) {
        Some(answer) => to.is_some_and(|row| row.answer == Some(answer)),
        None => true,
    })
}

fn is_not_sent_true(turn: &Turn<'_>) -> bool {
    turn.heard.is_none_or(|(call, heard)| heard != Heard::NotSent || !has_reached(&turn.now, call))
}

/// Notes what a caller hears under its key; `false`: it has heard another final answer before.
fn note_answer(turn: &mut Turn<'_>) -> bool {
    let Some((call, Heard::Final(answer))) = turn.heard else { return true };
    let key = turn.protocol.calls[call].key;
    *turn.now.told[key].get_or_insert(answer) == answer
}

/// Whether an operation is open.
pub fn has_open(situation: &Situation) -> bool {
    situation.journal.iter().flatten().any(JournalRow::is_open)
}

/// Whether Corefy is polled about the intent.
pub fn awaits_news(protocol: &Protocol, situation: &Situation) -> bool {
    situation.intent.is_some_and(|row| protocol.objects.intent(row).awaits_news(NOW))
}

/// Whether nothing is under way and the books equal Corefy's.
pub fn is_at_rest(protocol: &Protocol, situation: &Situation) -> bool {
    let is_unmade = |stage: &CallStage| matches!(stage, CallStage::Unread { is_begun: false, .. });
    let have_ended = situation.calls.iter().all(|stage| is_unmade(stage) || *stage == CallStage::Ended);
    let is_quiet = situation.looks == [None; PAIR] && situation.flights == [Flight::default(); PAIR];
    have_ended && is_quiet && !has_open(situation) && do_books_agree(protocol, situation)
}

fn do_books_agree(protocol: &Protocol, situation: &Situation) -> bool {
    let view = situation.corefy.view;
    let Some(intent) = situation.intent else { return situation.corefy.has_done == [false; PAIR] };
    let is_told = match view.status {
        CorefyStatus::Processing => false,
        CorefyStatus::Paid => intent.state == State::Succeeded && intent.received == AMOUNT,
        CorefyStatus::Failed => intent.state == State::RequiresPaymentMethod && intent.received == 0,
        CorefyStatus::AwaitingConfirmation => !intent.state.is_attempting() && intent.received == 0,
    };
    is_told && is_creation_told(protocol, situation, intent) && are_refunds_told(protocol, situation, intent)
}

/// Whether an intent that was made stands, and one that was refused does not.
fn is_creation_told(protocol: &Protocol, situation: &Situation, intent: IntentRow) -> bool {
    let is_creation = protocol.calls[0].kind == CallKind::Create;
    let is_made = situation.corefy.has_done.contains(&true);
    !is_creation || is_made == (intent.is_at_corefy && intent.state == State::RequiresConfirmation)
}

fn are_refunds_told(protocol: &Protocol, situation: &Situation, intent: IntentRow) -> bool {
    let mut refunded = 0;
    for call in 0..PAIR {
        let CallKind::Refund(amount) = protocol.calls[call].kind else { continue };
        let is_made = situation.corefy.view.refunds[call];
        let is_told = situation.refunds[call].is_some_and(|refund| refund.state == RefundState::Succeeded);
        refunded += if is_made { amount } else { 0 };
        if is_made != is_told {
            return false;
        }
    }
    intent.refund_pending == 0 && intent.refunded == refunded
}
