//! Counters of attempts, by table and against the attempts that they count.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    ids::{CustomerId, Ids},
    risk::subject::SubjectHasher,
};

fn hasher() -> SubjectHasher {
    SubjectHasher::new(&crate::domain::hash_key::HashKey::new("0123456789abcdef0123456789abcdef".into()))
}

fn ip() -> RiskSubject {
    RiskSubject::new(hasher().ip("203.0.113.7".parse().unwrap()))
}

fn card(number: u32) -> SubjectId {
    hasher().card(&number.to_string())
}

const START: Timestamp = Timestamp(1_790_000_000_000_000);

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn cool_down(guard: &str, from: Timestamp, length: Duration) -> CoolDown {
    CoolDown { guard: guard.to_owned(), with: None, from, until: from + length }
}

#[test]
fn an_attempt_counts_within_each_window_until_the_window_is_past_its_bucket() {
    let mut subject = ip();
    subject.note_attempt(Some(&card(1)), Some(700), START);
    for window in Window::ALL {
        let length = if *window <= Window::Hour { minutes(1) } else { minutes(60) };
        let inside = START + window.length();
        assert_eq!(subject.attempts(*window, inside), Tally { attempts: 1, amount: 700 }, "{window:?}");
        assert_eq!(subject.attempts(*window, inside + length), Tally::default(), "{window:?}");
        assert_eq!(subject.distinct_cards(*window, inside), 0, "{window:?}");
        let before_the_end = inside.before(Duration::from_micros(1));
        assert_eq!(subject.distinct_cards(*window, before_the_end), 1, "{window:?}");
    }
}

#[test]
fn a_card_that_is_tried_twice_is_one_card_and_a_card_s_own_row_keeps_none() {
    let mut subject = ip();
    for number in [1, 2, 1] {
        subject.note_attempt(Some(&card(number)), None, START);
    }
    subject.note_attempt(None, None, START);
    assert_eq!(subject.distinct_cards(Window::Hour, START), 2);
    assert_eq!(subject.attempts(Window::Hour, START).attempts, 4);
    let mut own = RiskSubject::new(card(1));
    own.note_attempt(Some(&card(1)), None, START);
    own.note_attempt(Some(&card(1)), None, START);
    assert_eq!(own.distinct_cards(Window::Hour, START), 1);
    assert!(own.past.cards.is_empty());
}

#[test]
fn an_attempt_that_was_not_made_is_taken_back_and_its_card_unless_others_tried_it() {
    let (mut subject, later) = (ip(), START + minutes(2));
    subject.note_attempt(Some(&card(1)), Some(700), START);
    let as_before = subject.past.clone();
    subject.note_attempt(Some(&card(2)), Some(300), later);
    subject.take_back_attempt(Some(&card(2)), Some(300), later);
    assert_eq!(subject.past, as_before);
    assert_eq!(subject.revision, 3, "each is a change of the row");

    subject.note_attempt(Some(&card(1)), Some(300), later);
    subject.take_back_attempt(Some(&card(1)), Some(300), later);
    assert_eq!(subject.attempts(Window::Hour, later), Tally { attempts: 1, amount: 700 });
    assert_eq!(subject.distinct_cards(Window::Hour, later), 1);
    subject.take_back_attempt(Some(&card(1)), Some(700), START);
    assert_eq!(subject.past, SubjectPast::default());
    subject.take_back_attempt(Some(&card(3)), Some(1), START);
    assert_eq!(subject.past, SubjectPast::default(), "what is gone already is left alone");
}

#[test]
fn a_row_stays_small_whatever_is_tried() {
    let mut subject = ip();
    for step in 0..20_000 {
        let now = START + minutes(u64::from(step));
        subject.note_attempt(Some(&card(step)), Some(i64::MAX), now);
        subject.cool_down(cool_down(&step.to_string(), now, minutes(100_000)), now);
    }
    let json = serde_json::to_string(&subject.past).unwrap();
    assert!(json.len() < 24 * 1024, "{}", json.len());
    assert_eq!(subject.past.cards.len(), MOST_CARDS);
    assert_eq!(subject.past.cool_downs.len(), MOST_COOL_DOWNS);
}

#[test]
fn a_row_says_little_of_one_attempt() {
    let mut subject = ip();
    subject.note_attempt(Some(&card(1)), Some(700), START);
    let json = serde_json::to_string(&subject.past).unwrap();
    let expected = format!(
        r#"{{"minutes":[[29833333,1,700]],"hours":[[497222,1,700]],"cards":[["{}",{},1]]}}"#,
        &card(1).as_str()[5..21],
        START.0
    );
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<SubjectPast>(&json).unwrap(), subject.past);
    assert_eq!(serde_json::from_str::<SubjectPast>("{}").unwrap(), SubjectPast::default());
}

#[test]
fn a_row_expires_on_a_whole_day_after_all_that_it_counts() {
    let mut subject = ip();
    subject.note_attempt(None, None, START);
    let expires_at = subject.expires_at;
    assert!(expires_at > START + Window::Week.length() + minutes(60), "{expires_at}");
    assert_eq!(expires_at.seconds() % (24 * 60 * 60), 0);
    subject.note_attempt(None, None, START + minutes(1));
    assert_eq!((subject.expires_at, subject.revision), (expires_at, 2));
    subject.cool_down(cool_down("distinct_cards", START, minutes(60 * 24 * 30)), START);
    assert!(subject.expires_at > START + minutes(60 * 24 * 30));
}

#[test]
fn a_cool_down_holds_until_its_end_and_none_that_is_to_begin() {
    let mut subject = ip();
    subject.cool_down(cool_down("distinct_cards", START, minutes(60)), START);
    assert_eq!(subject.cool_downs(START).count(), 1);
    assert_eq!(subject.cool_downs(START + minutes(59)).count(), 1);
    assert_eq!(subject.cool_downs(START + minutes(60)).count(), 0);
    assert_eq!(subject.cool_downs(START.before(minutes(1))).count(), 0);
    subject.cool_down(cool_down("distinct_cards", START + minutes(1), minutes(60)), START + minutes(1));
    assert_eq!(subject.cool_downs(START + minutes(60)).count(), 1);
    subject.note_attempt(None, None, START + minutes(70));
    assert!(subject.past.cool_downs.is_empty());
}

#[test]
fn velocities_are_those_of_every_subject_the_outcomes_and_the_bin() {
    let customer = SubjectId::of_customer(&CustomerId::generate(&Ids::system()));
    let (mut ip, mut customer) = (ip(), RiskSubject::new(customer));
    ip.note_attempt(Some(&card(1)), Some(5), START);
    customer.note_attempt(Some(&card(1)), None, START);
    let mut outcomes = PastOutcomes::default();
    outcomes.ip.declines.0 = [1, 2, 3, 4];
    outcomes.email.0 = [0, 0, 0, 9];
    let bin = BinCount { window: Window::Day, tally: Tally { attempts: 6, amount: 60 }, declines: 3 };
    let velocities = velocities([&ip, &customer], &outcomes, &[bin], START);
    let get = |dimension, window, measure| velocities.get(dimension, window, measure);
    assert_eq!(get(Dimension::Ip, Window::TenMinutes, Measure::Attempts), 1);
    assert_eq!(get(Dimension::Ip, Window::Week, Measure::Amount), 5);
    assert_eq!(get(Dimension::Ip, Window::Hour, Measure::Declines), 2);
    assert_eq!(get(Dimension::Customer, Window::Week, Measure::DistinctCards), 1);
    assert_eq!(get(Dimension::Customer, Window::Week, Measure::Amount), 0);
    assert_eq!(get(Dimension::Email, Window::Week, Measure::Declines), 9);
    assert_eq!(get(Dimension::Bin, Window::Day, Measure::Attempts), 6);
    assert_eq!(get(Dimension::Bin, Window::Day, Measure::Declines), 3);
    assert_eq!(get(Dimension::Bin, Window::Week, Measure::Amount), 0);
}

/// Attempts in the order of their times: seconds since the one before, the card, the amount.
fn attempts() -> impl Strategy<Value = Vec<(u64, u32, i64)>> {
    let pause = prop_oneof![0..30_u64, 0..3_000_u64, 0..200_000_u64];
    proptest::collection::vec((pause, 0..40_u32, 0..10_000_i64), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_taken_back_in_any_order_leaves_what_is_left(
        attempts in proptest::collection::vec((0..20_000_u64, 0..6_u32, 0..10_000_i64, any::<bool>()), 0..40),
        places in any::<prop::sample::Index>(),
    ) {
        let (mut subject, mut left, mut gone) = (ip(), ip(), Vec::new());
        let mut now = START;
        for (pause, number, amount, is_made) in attempts {
            // Within the day, so that nothing is forgotten meanwhile.
            now = now + Duration::from_millis(pause);
            subject.note_attempt(Some(&card(number)), Some(amount), now);
            if is_made {
                left.note_attempt(Some(&card(number)), Some(amount), now);
            } else {
                gone.push((number, amount, now));
            }
        }
        if !gone.is_empty() {
            let middle = places.index(gone.len());
            gone.rotate_left(middle);
        }
        for (number, amount, at) in gone {
            subject.take_back_attempt(Some(&card(number)), Some(amount), at);
        }
        for window in Window::ALL {
            prop_assert_eq!(subject.attempts(*window, now), left.attempts(*window, now));
        }
        prop_assert_eq!(subject.distinct_cards(Window::Week, now), left.distinct_cards(Window::Week, now));
    }

    #[test]
    fn a_counter_equals_the_attempts_that_it_counts(attempts in attempts(), later in 0..100_000_u64) {
        let (mut subject, mut now, mut noted) = (ip(), START, Vec::new());
        for (pause, number, amount) in attempts {
            now = now + Duration::from_secs(pause);
            subject.note_attempt(Some(&card(number)), Some(amount), now);
            noted.push((now, number, amount));
        }
        now = now + Duration::from_secs(later);
        for window in Window::ALL {
            let length = if *window <= Window::Hour { BucketLength::Minute } else { BucketLength::Hour };
            let first = length.first_of(window.length(), now);
            let counted: Vec<_> = noted.iter().filter(|(at, ..)| length.number(*at) >= first).collect();
            let tally = subject.attempts(*window, now);
            prop_assert_eq!(tally.attempts, i64::try_from(counted.len()).unwrap());
            prop_assert_eq!(tally.amount, counted.iter().map(|(.., amount)| amount).sum::<i64>());
            let last: BTreeMap<_, _> = noted.iter().map(|(at, number, _)| (number, *at)).collect();
            let seen = last.values().filter(|at| **at > now.before(window.length())).count();
            prop_assert_eq!(subject.distinct_cards(*window, now), i64::try_from(seen).unwrap());
        }
    }
}
