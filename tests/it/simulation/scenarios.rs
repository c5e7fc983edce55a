//! Scenarios: short plans that lead where chance seldom does, each to the moment for which one rule of attempts, looks or leases was
//! made. Where that moment falls is left to chance.

use std::{ops::Range, time::Duration};

use fastrand::Rng;

use super::{
    network::Fate,
    plan::{APPROVED, CallPlan, DECLINED, Post, SimulationStep as Step, night},
    threshold::Mishap,
};

/// A scenario: the steps after an intent was created, for so many gateways.
pub type Scenario = fn(&mut Rng, usize) -> Vec<Step>;

/// All of them, each for seeds of its own.
pub const SCENARIOS: [Scenario; 7] = [
    attempt_beside_another,
    failure_told_late,
    payment_out_of_sight,
    lease_outlived,
    night_in_doubt,
    card_saved_again,
    charged_after_expiry,
];

/// An attempt is known to have failed while its call still waits for the answer, and another one is asked for.
fn attempt_beside_another(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let slow = millis(rng, 3_000..9_500);
    let next = rng.choice([Fate::AnswerLost, Fate::Late(slow), Fate::AnswerLate(slow)]).unwrap();
    vec![
        Step::BefallCharge(Fate::AnswerLate(millis(rng, 3_000..9_500))),
        confirm(rng, gateways, DECLINED),
        pass(rng, 200..2_500),
        Step::BefallCharge(next),
        confirm(rng, gateways, APPROVED),
        pass(rng, 100..2_000),
        confirm(rng, gateways, APPROVED),
        pass(rng, 1_000..20_000),
    ]
}

/// The failure of an attempt is told again while the next one is on its way, and arrives after a third was asked for.
fn failure_told_late(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    vec![
        confirm(rng, gateways, DECLINED),
        Step::Deliver(rng.choice([Post::InOrder, Post::Lost, Post::Kept]).unwrap()),
        pass(rng, 500..2_000),
        Step::BefallCharge(Fate::Late(millis(rng, 12_000..60_000))),
        confirm(rng, gateways, APPROVED),
        pass(rng, 5_500..9_000),
        pass(rng, 2_000..6_000),
        confirm(rng, gateways, APPROVED),
        pass(rng, 1_000..60_000),
    ]
}

/// A charge without an answer is followed by looks that are not shown the payment.
fn payment_out_of_sight(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let late = Fate::Late(millis(rng, 1_000..30_000));
    vec![
        Step::HidePayments(true),
        Step::BefallCharge(rng.choice([Fate::AnswerLost, Fate::Garbage, Fate::Truncated, late]).unwrap()),
        confirm(rng, gateways, APPROVED),
        Step::Deliver(rng.choice([Post::InOrder, Post::Lost]).unwrap()),
        pass(rng, 1_000..20_000),
        pass(rng, 125_000..160_000),
        confirm(rng, gateways, APPROVED),
        Step::HidePayments(false),
        pass(rng, 1_000..30_000),
    ]
}

/// A gateway freezes with an answer in its hands for longer than its lease, and goes on while another still looks.
fn lease_outlived(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let freezes = Fate::GatewayFreezes(millis(rng, 6_000..40_000));
    let befalls = if rng.bool() { Step::BefallCharge(freezes) } else { Step::Befall(rng.u8(0..4), freezes) };
    let card = rng.choice([APPROVED, DECLINED]).unwrap();
    let mut steps = vec![Step::HidePayments(true), befalls, confirm(rng, gateways, card)];
    steps.extend((0..rng.usize(4..12)).map(|_| pass(rng, 1_500..6_000)));
    steps.push(Step::HidePayments(false));
    steps.push(pass(rng, 1_000..30_000));
    steps
}

/// A charge has no answer, and a night goes by before its outcome is known. Then what is old is deleted, and another one is asked for.
fn night_in_doubt(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let fate = rng.choice([Fate::Lost, Fate::Lost, Fate::AnswerLost, Fate::Garbage, Fate::Truncated]).unwrap();
    let gateway = rng.usize(0..gateways);
    vec![
        Step::HidePayments(rng.u8(0..4) == 0),
        Step::BefallCharge(fate),
        confirm(rng, gateways, APPROVED),
        Step::Strike(gateway, rng.u32(0..40), Mishap::Death),
        Step::Deliver(rng.choice([Post::InOrder, Post::Lost]).unwrap()),
        pass(rng, 100..15_000),
        Step::Jump(night(rng)),
        pass(rng, 100..5_000),
        Step::Prune(gateway),
        Step::HidePayments(false),
        confirm(rng, gateways, APPROVED),
        pass(rng, 1_000..30_000),
    ]
}

/// A customer's card is saved again, and nobody hears whether it was.
fn card_saved_again(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let call = |rng: &mut Rng, plan| Step::Begin(rng.usize(0..gateways), plan);
    let (partner, method, late) = (rng.usize(0..2), rng.usize(0..3), Fate::Late(millis(rng, 500..20_000)));
    let fate = rng.choice([Fate::AnswerLost, Fate::Garbage, Fate::Lost, late]).unwrap();
    let save = CallPlan::Save { customer: 0, card: APPROVED };
    vec![
        call(rng, CallPlan::CreateCustomer { partner, reference: 0 }),
        pass(rng, 100..500),
        call(rng, CallPlan::CreateFor { customer: 0, by_other: false }),
        call(rng, save.clone()),
        pass(rng, 100..500),
        Step::Befall(0, fate),
        call(rng, save.clone()),
        pass(rng, 100..4_000),
        Step::Befall(rng.u8(0..2), fate),
        call(rng, save),
        pass(rng, 100..20_000),
        call(rng, CallPlan::ConfirmSaved { intent: 1, method, by_merchant: false }),
        pass(rng, 1_000..30_000),
    ]
}

/// A payment waits until what Corefy made for it has expired. Then a saved card is charged, and the charge is late or its answer lost,
/// while the caller tries once more.
fn charged_after_expiry(rng: &mut Rng, gateways: usize) -> Vec<Step> {
    let call = |rng: &mut Rng, plan| Step::Begin(rng.usize(0..gateways), plan);
    let (late, partner) = (Fate::Late(millis(rng, 3_000..60_000)), rng.usize(0..2));
    let charge = CallPlan::ConfirmSaved { intent: 2, method: 0, by_merchant: rng.u8(0..4) > 0 };
    let mut steps = vec![
        call(rng, CallPlan::CreateCustomer { partner, reference: 0 }),
        pass(rng, 100..500),
        call(rng, CallPlan::CreateFor { customer: 0, by_other: false }),
        pass(rng, 100..500),
        // Each API has one of these.
        call(rng, CallPlan::Save { customer: 0, card: APPROVED }),
        call(rng, CallPlan::ConfirmSaving { intent: 1, card: APPROVED }),
        call(rng, CallPlan::CreateFor { customer: 0, by_other: false }),
        pass(rng, 500..5_000),
        Step::Jump(Duration::from_secs(rng.u64(20..30) * 3600)),
        Step::BefallCharge(rng.choice([late, late, Fate::AnswerLost, Fate::Lost]).unwrap()),
        call(rng, charge.clone()),
        pass(rng, 2_000..20_000),
        call(rng, charge),
    ];
    steps.extend((0..rng.usize(1..4)).map(|_| pass(rng, 1_000..30_000)));
    steps
}

fn confirm(rng: &mut Rng, gateways: usize, card: &'static str) -> Step {
    Step::Begin(rng.usize(0..gateways), CallPlan::Confirm { intent: 0, card })
}

fn pass(rng: &mut Rng, range: Range<u64>) -> Step {
    Step::Pass(millis(rng, range))
}

fn millis(rng: &mut Rng, range: Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}
