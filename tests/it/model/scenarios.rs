//! The scenarios: which two calls are made, and how many faults happen.

use super::{
    breaks::Break,
    explorer::{Exploration, explore},
    moves::Move,
    protocol::{CallKind, CallSpec, Protocol},
    situation::{FaultBudget, PAIR},
};

/// How much time passes at a time, in seconds: enough for every threshold of the code to be met, and none of them twice.
const TICK: u8 = 60;
/// The most situations that are explored, as a bound on memory.
const MOST_SITUATIONS: usize = 4_000_000;

/// Two confirmations of an intent, each under its own key.
pub const TWO_CONFIRMATIONS: [CallSpec; PAIR] = pair(CallKind::Confirm, 1);
/// A confirmation, and its repetition at the other gateway.
pub const REPEATED_CONFIRMATION: [CallSpec; PAIR] = pair(CallKind::Confirm, 0);
/// Two refunds of a payment, which together are more than was received.
pub const TWO_REFUNDS: [CallSpec; PAIR] = pair(CallKind::Refund(60), 1);
/// A creation, and its repetition at the other gateway.
pub const REPEATED_CREATION: [CallSpec; PAIR] = pair(CallKind::Create, 0);

/// The same call at each gateway; the second has this key.
const fn pair(kind: CallKind, second_key: usize) -> [CallSpec; PAIR] {
    [CallSpec { gateway: 0, key: 0, kind }, CallSpec { gateway: 1, key: second_key, kind }]
}

/// Every fault once, and so many of them together; so many webhooks and reads.
pub const fn each_once(all: u8, hints: u8) -> FaultBudget {
    FaultBudget {
        crashes: 1,
        lost_requests: 1,
        lost_answers: 1,
        late_arrivals: 1,
        frozen_leases: 1,
        failed_connections: 1,
        all,
        hints,
    }
}

/// Explores a scenario.
pub fn explored(calls: [CallSpec; PAIR], faults: FaultBudget, broken: Option<Break>) -> Exploration<Move> {
    explore(&Protocol::new(calls, faults, TICK, broken), MOST_SITUATIONS)
}

/// Explores a scenario and asserts that it is sound. Returns the number of situations.
fn assert_sound(name: &str, calls: [CallSpec; PAIR], faults: FaultBudget) -> usize {
    match explored(calls, faults, None) {
        Exploration::Sound { situations, moves } => {
            println!("{name}: {situations} situations, {moves} moves");
            situations
        }
        Exploration::Broken { law, way } => panic!("{name}: not so: {law}, after {way:#?}"),
    }
}

#[test]
fn two_confirmations_under_two_keys_charge_once() {
    assert!(assert_sound("two confirmations", TWO_CONFIRMATIONS, each_once(1, 1)) > 100_000);
}

#[test]
fn a_confirmation_and_its_repetition_have_one_answer() {
    assert!(assert_sound("a repeated confirmation", REPEATED_CONFIRMATION, each_once(1, 1)) > 100_000);
}

#[test]
fn two_refunds_are_covered_by_what_was_received() {
    assert!(assert_sound("two refunds", TWO_REFUNDS, each_once(2, 0)) > 100_000);
}

#[test]
fn a_creation_and_its_repetition_make_one_intent() {
    assert!(assert_sound("a repeated creation", REPEATED_CREATION, each_once(3, 0)) > 10_000);
}

/// The same with more faults together, for `make model`.
#[test]
#[ignore = "takes some minutes"]
fn every_scenario_is_sound_with_more_faults() {
    assert_sound("two confirmations", TWO_CONFIRMATIONS, each_once(2, 0));
    assert_sound("a repeated confirmation", REPEATED_CONFIRMATION, each_once(2, 0));
    assert_sound("two refunds", TWO_REFUNDS, each_once(2, 1));
    assert_sound("a repeated creation", REPEATED_CREATION, each_once(6, 0));
}
