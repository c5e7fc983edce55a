//! Guards by table: from which count on each blocks, and for how long.

use std::time::Duration;

use super::*;
use crate::domain::{
    clock::Timestamp,
    hash_key::HashKey,
    ids::{CustomerId, Ids},
    risk::{
        history::{CoolDown, RiskSubject},
        outcome::PastOutcomes,
        subject::{SubjectHasher, SubjectId},
    },
};

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// An attempt: its card, IP address, email address and customer.
struct Attempt {
    subjects: [RiskSubject; 4],
    outcomes: PastOutcomes,
}

fn hasher() -> SubjectHasher {
    SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()))
}

fn card(number: usize) -> SubjectId {
    hasher().card(&number.to_string())
}

impl Attempt {
    fn new() -> Self {
        let hasher = hasher();
        let customer = SubjectId::of_customer(&CustomerId::generate(&Ids::system()));
        let (ip, email) = (hasher.ip("203.0.113.7".parse().unwrap()), hasher.email("jane@example.com"));
        Self { subjects: [card(0), ip, email, customer].map(RiskSubject::new), outcomes: PastOutcomes::default() }
    }

    fn check(&self, now: Timestamp) -> Option<GuardFinding> {
        self.check_without(usize::MAX, now)
    }

    /// The same attempt without one of its subjects.
    fn check_without(&self, absent: usize, now: Timestamp) -> Option<GuardFinding> {
        let known = self.subjects.iter().enumerate().filter(|(place, _)| *place != absent);
        let subjects: Vec<_> = known.map(|(_, subject)| subject).collect();
        check(&Past { subjects: &subjects, outcomes: &self.outcomes, is_sandbox: false, now })
    }
}

#[test]
fn an_attempt_without_a_past_is_let_through() {
    assert_eq!(Attempt::new().check(NOW), None);
    assert_eq!(check(&Past { subjects: &[], outcomes: &PastOutcomes::default(), is_sandbox: false, now: NOW }), None);
}

/// Each rule: how a past is made of a count, the count from which on it blocks, its name, the subject without which it finds
/// nothing, and for how long it blocks.
#[test]
fn each_rule_blocks_from_its_count_on_and_not_before() {
    type Make = fn(&mut Attempt, i64);
    let cards: [Make; 3] = [
        |attempt, count| tried(attempt, 1, count),
        |attempt, count| tried(attempt, 2, count),
        |attempt, count| tried(attempt, 3, count),
    ];
    let retries: Make = |attempt, count| {
        attempt.outcomes.card.in_scheme_window = count;
        attempt.outcomes.card.first_in_scheme_window = (count > 0).then_some(NOW.before(10 * MINUTE));
    };
    let rules: [(Make, i64, &str, usize, Duration); 7] = [
        (retries, 15, "card_retries", 0, SCHEME_WINDOW - 10 * MINUTE),
        (|attempt, count| attempt.outcomes.ip.of_the_card = count, 3, "card_declines_from_ip", 1, 60 * MINUTE),
        (cards[0], 10, "distinct_cards", 1, 60 * MINUTE),
        (cards[1], 10, "distinct_cards", 2, 60 * MINUTE),
        (cards[2], 10, "distinct_cards", 3, 60 * MINUTE),
        (|attempt, count| attempt.outcomes.ip.declines.0[1] = count, 30, "ip_declines", 1, 60 * MINUTE),
        (|attempt, count| attempt.outcomes.customer.declines.0[2] = count, 8, "customer_declines", 3, 24 * 60 * MINUTE),
    ];
    for (make, most, name, needs, length) in rules {
        let of = |count| {
            let mut attempt = Attempt::new();
            make(&mut attempt, count);
            attempt
        };
        assert_eq!(of(most - 1).check(NOW), None, "{name}");
        let found = of(most).check(NOW).unwrap();
        assert_eq!((found.name, found.until), (name, NOW + length));
        assert_eq!(of(most).check_without(needs, NOW), None, "{name}");
        assert!(NAMES.contains(&name));
    }
}

/// Has this many cards tried by one of the subjects.
fn tried(attempt: &mut Attempt, place: usize, cards: i64) {
    for number in 0..usize::try_from(cards).unwrap() {
        attempt.subjects[place].note_attempt(Some(&card(number)), None, NOW.before(MINUTE));
    }
}

#[test]
fn a_card_that_was_declined_for_good_is_not_tried_again_for_thirty_days() {
    let mut attempt = Attempt::new();
    attempt.outcomes.card.last_hard = Some(NOW.before(MINUTE));
    let found = attempt.check(NOW).unwrap();
    assert_eq!((found.name, found.subject), ("card_declined_for_good", card(0)));
    assert_eq!(found.until, NOW.before(MINUTE) + SCHEME_WINDOW);
}

#[test]
fn a_finding_goes_on_blocking_until_its_cool_down_ends() {
    let mut attempt = Attempt::new();
    tried(&mut attempt, 1, 10);
    let found = attempt.check(NOW).unwrap();
    attempt.subjects[1].cool_down(found.cool_down(NOW), NOW);
    // The tries are an hour old a minute before the cool-down ends.
    for later in [0, 58, 59] {
        assert_eq!(attempt.check(NOW + later * MINUTE), Some(found.clone()), "{later}");
    }
    assert_eq!(attempt.check(NOW + 60 * MINUTE), None);
}

#[test]
fn a_card_is_blocked_from_one_address_alone() {
    let mut attempt = Attempt::new();
    attempt.outcomes.ip.of_the_card = 3;
    let found = attempt.check(NOW).unwrap();
    attempt.subjects[0].cool_down(found.cool_down(NOW), NOW);
    attempt.outcomes = PastOutcomes::default();
    assert_eq!(attempt.check(NOW), Some(found));
    attempt.subjects[1] = RiskSubject::new(hasher().ip("203.0.113.8".parse().unwrap()));
    assert_eq!(attempt.check(NOW), None);
}

#[test]
fn the_cool_down_of_a_guard_of_a_later_version_holds() {
    let mut attempt = Attempt::new();
    let mut cool_down =
        GuardFinding { name: NAMES[0], subject: attempt.subjects[1].id.clone(), with: None, until: NOW + MINUTE }
            .cool_down(NOW);
    cool_down.guard = "a_guard_of_tomorrow".to_owned();
    attempt.subjects[1].cool_down(cool_down, NOW);
    assert_eq!(attempt.check(NOW).unwrap().name, "cool_down");
}

#[test]
fn a_card_s_own_declines_stop_nobody_in_the_sandbox_and_its_payers_do() {
    let mut attempt = Attempt::new();
    attempt.outcomes.card.last_hard = Some(NOW);
    let [card, ip, ..] = &mut attempt.subjects;
    let check = |card: &RiskSubject, ip: &RiskSubject, outcomes: &PastOutcomes, is_sandbox| {
        check(&Past { subjects: &[card, ip], outcomes, is_sandbox, now: NOW }).map(|finding| finding.name)
    };
    assert_eq!(check(card, ip, &attempt.outcomes, false), Some(scheme_caps::HARD));
    assert_eq!(check(card, ip, &attempt.outcomes, true), None);
    let held = |guard: &str| CoolDown { guard: guard.to_owned(), with: None, from: NOW, until: NOW + MINUTE };
    card.cool_down(held(card_from_ip::NAME), NOW);
    assert_eq!(check(card, ip, &attempt.outcomes, true), None);
    ip.cool_down(held(distinct_cards::NAME), NOW);
    assert_eq!(check(card, ip, &attempt.outcomes, true), Some(distinct_cards::NAME));
}
