//! The teeth of the model: each deliberate break of the protocol is found, by the shortest way to the law that it breaks.

use super::{
    breaks::Break,
    explorer::{COMES_TO_REST, Exploration},
    laws,
    protocol::CallSpec,
    scenarios::{REPEATED_CREATION, TWO_CONFIRMATIONS, TWO_REFUNDS, each_once, explored},
    situation::{FaultBudget, PAIR},
};

/// No fault at all.
const FAULTLESS: FaultBudget = FaultBudget {
    crashes: 0,
    lost_requests: 0,
    lost_answers: 0,
    late_arrivals: 0,
    frozen_leases: 0,
    failed_connections: 0,
    all: 1,
    hints: 0,
};
/// A gateway that is frozen, and one webhook or read.
const FROZEN: FaultBudget = FaultBudget { frozen_leases: 1, hints: 1, ..FAULTLESS };

/// Asserts that a break is found, by which law it is, and after how many moves.
fn assert_found(broken: Break, calls: [CallSpec; PAIR], faults: FaultBudget, (law, moves): (&str, usize)) {
    let Exploration::Broken { law: found, way } = explored(calls, faults, Some(broken)) else {
        panic!("{broken:?} is not found");
    };
    println!("{broken:?}: not so: {found}, after {way:?}");
    assert_eq!((found, way.len()), (law, moves));
}

#[test]
fn the_model_finds_a_call_that_is_sent_before_it_is_reserved() {
    assert_found(Break::SendBeforeReserve, TWO_CONFIRMATIONS, FAULTLESS, (laws::ONE_CHARGE, 6));
    assert_found(Break::SendBeforeReserve, REPEATED_CREATION, FAULTLESS, (laws::ONE_CREATION, 6));
}

#[test]
fn the_model_finds_a_reservation_that_ignores_the_version() {
    assert_found(Break::IgnoreVersion, TWO_REFUNDS, FAULTLESS, (laws::REFUNDS_COVERED, 6));
    assert_found(Break::IgnoreVersion, TWO_CONFIRMATIONS, FAULTLESS, (laws::NEVER_BACKWARDS, 7));
}

#[test]
fn the_model_finds_an_outcome_that_is_written_whatever_the_epoch() {
    assert_found(Break::SettleWithoutEpoch, TWO_REFUNDS, each_once(1, 0), (laws::UNDER_ITS_EPOCH, 7));
}

#[test]
fn the_model_finds_absence_that_is_believed_at_once() {
    assert_found(Break::BelieveAbsenceAtOnce, TWO_CONFIRMATIONS, FROZEN, (laws::ABSENT, 6));
    assert_found(Break::BelieveAbsenceAtOnce, TWO_REFUNDS, FROZEN, (laws::ABSENT, 6));
}

#[test]
fn the_model_finds_an_age_that_is_judged_when_a_slow_look_is_concluded() {
    assert_found(Break::JudgeAgeAtConclusion, TWO_REFUNDS, FROZEN, (laws::ABSENT, 13));
}

#[test]
fn the_model_finds_a_second_attempt_while_the_first_may_still_arrive() {
    assert_found(Break::SecondAttemptMeanwhile, TWO_CONFIRMATIONS, FAULTLESS, (laws::ONE_CHARGE, 8));
}

#[test]
fn the_model_finds_the_end_of_a_lease_that_is_taken_for_death() {
    assert_found(Break::LeaseEndIsDeath, TWO_CONFIRMATIONS, FROZEN, (laws::ABSENT, 6));
}

#[test]
fn the_model_finds_silence_that_is_taken_for_not_sent() {
    assert_found(Break::SilenceIsNotSent, TWO_CONFIRMATIONS, each_once(1, 0), (laws::NOT_SENT, 5));
}

#[test]
fn the_model_finds_the_attempt_before_that_is_taken_for_the_one_in_doubt() {
    assert_found(Break::BelieveStateBefore, TWO_CONFIRMATIONS, FROZEN, (COMES_TO_REST, 17));
}
