//! The history of an attempt: its subjects and what came of their attempts, exact with any number of gateways.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use corefy_gateway::{
    domain::{
        clock::Timestamp,
        ids::{CustomerId, Ids},
        randomness::Randomness,
        risk::{
            action::Action,
            counted_attempt::CountedAttempt,
            decision::RiskDecision,
            outcome::{Declines, OutcomeKind, PastOutcomes, RiskOutcome},
            subject::Dimension,
            velocity::{Measure, Window},
        },
    },
    store::{Change, CommitError, Conflict, RiskHistory, Store},
};
use tokio::task::JoinSet;

use super::{
    objects::{NOW, after, commit, conflict, gateways},
    risk_decisions::{Attempt, new_decision},
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_subject_gets_a_row_once_an_attempt_counts,
    an_attempt_that_was_decided_about_at_the_same_time_is_a_conflict,
    an_attempt_that_was_not_made_is_taken_back_from_its_subjects_and_its_bin,
    an_outcome_counts_for_every_subject_of_its_attempt_and_once,
    an_outcome_without_a_decision_is_left_out,
    successes_and_chargebacks_count_for_the_customer_alone,
    a_counter_equals_the_outcomes_that_it_counts,
    a_cool_down_is_kept_with_the_block_that_it_comes_from,
    subjects_are_deleted_once_nothing_of_them_counts,
    ten_cards_of_one_address_get_through_however_many_are_tried_at_once,
];

async fn history(store: &Store, attempt: &Attempt, now: Timestamp) -> RiskHistory {
    store.risk_history(&attempt.subjects(), Some(attempt.bin), now).await.unwrap()
}

async fn outcomes(store: &Store, attempt: &Attempt, now: Timestamp) -> PastOutcomes {
    history(store, attempt, now).await.outcomes().clone()
}

/// Lets an attempt through.
async fn let_through(store: &Store, attempt: &Attempt, now: Timestamp) -> RiskDecision {
    let (mut history, decision) = (history(store, attempt, now).await, attempt.decision(now));
    history.note_attempt(Some(500), now);
    commit(store, history.changes().chain([new_decision(&decision)])).await.unwrap();
    decision
}

fn declined(decision: &RiskDecision, code: &str, at: Timestamp) -> Change {
    Change::RiskOutcome(RiskOutcome::of_failure(decision.id.clone(), code, at).unwrap())
}

async fn a_subject_gets_a_row_once_an_attempt_counts(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    let seen = history(&store, &attempt, NOW).await;
    assert_eq!(seen.changes().count(), 0, "nothing is written of what was only read");
    assert_eq!(seen.velocities(NOW).iter().count(), 0);
    let_through(&store, &attempt, NOW).await;
    let_through(&store, &Attempt { customer: attempt.customer.clone(), ..Attempt::of_card(2) }, after(1)).await;
    let seen = history(&store, &attempt, after(1)).await;
    assert_eq!(seen.changes().count(), 0);
    let get = |dimension, measure| seen.velocities(after(1)).get(dimension, Window::Week, measure);
    for (dimension, attempts) in
        [(Dimension::Card, 1), (Dimension::Ip, 2), (Dimension::Email, 2), (Dimension::Customer, 2), (Dimension::Bin, 2)]
    {
        assert_eq!(get(dimension, Measure::Attempts), attempts, "{dimension:?}");
        assert_eq!(get(dimension, Measure::Amount), 500 * attempts, "{dimension:?}");
        let cards = if dimension == Dimension::Bin { 0 } else { attempts };
        assert_eq!(get(dimension, Measure::DistinctCards), cards, "{dimension:?}");
    }
}

async fn an_attempt_that_was_decided_about_at_the_same_time_is_a_conflict(database: TestDatabase) {
    let store = database.store().await;
    for round in 0..2 {
        // At first neither subject has a row, then all have.
        let (ours, theirs) = (Attempt::of_card(1), Attempt::of_card(2));
        let (mut our_history, mut their_history) =
            (history(&store, &ours, after(round)).await, history(&store, &theirs, after(round)).await);
        our_history.note_attempt(None, after(round));
        their_history.note_attempt(None, after(round));
        commit(&store, our_history.changes()).await.unwrap();
        assert_eq!(conflict(commit(&store, their_history.changes()).await), Conflict::Stale, "they have one address");
        let kept = history(&store, &theirs, after(round)).await.velocities(after(round));
        assert_eq!(kept.get(Dimension::Ip, Window::Hour, Measure::Attempts), round + 1);
        assert_eq!(kept.get(Dimension::Card, Window::Hour, Measure::Attempts), 0);
    }
}

async fn an_attempt_that_was_not_made_is_taken_back_from_its_subjects_and_its_bin(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    let_through(&store, &attempt, NOW).await;
    let counted = CountedAttempt::of(&let_through(&store, &attempt, after(1)).await).unwrap();
    let mut changes = vec![Change::RiskAttemptTakenBack(counted.clone())];
    for mut subject in store.risk_subjects(&counted.subjects).await.unwrap() {
        subject.take_back_attempt(counted.card(), counted.base_amount, counted.at);
        changes.push(Change::RiskSubject(subject));
    }
    assert_eq!(changes.len(), 5);
    commit(&store, changes).await.unwrap();
    let left = history(&store, &attempt, after(2)).await.velocities(after(2));
    for dimension in Dimension::ALL {
        assert_eq!(left.get(*dimension, Window::Hour, Measure::Attempts), 1, "{dimension:?}");
        assert_eq!(left.get(*dimension, Window::Week, Measure::Amount), 500, "{dimension:?}");
    }
}

async fn an_outcome_counts_for_every_subject_of_its_attempt_and_once(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    let decision = let_through(&store, &attempt, NOW).await;
    for second in [1, 2] {
        commit(&store, [declined(&decision, "insufficient_funds", after(second))]).await.unwrap();
    }
    let seen = outcomes(&store, &attempt, after(3)).await;
    let once = Declines([1; 4]);
    assert_eq!((seen.card.declines, seen.ip.declines, seen.email, seen.customer.declines), (once, once, once, once));
    assert_eq!((seen.card.in_scheme_window, seen.card.first_in_scheme_window), (1, Some(after(1))));
    assert_eq!((seen.card.last_hard, seen.ip.of_the_card, seen.customer.all_declines), (None, 1, 1));
    let other_card = Attempt { customer: attempt.customer.clone(), ..Attempt::of_card(2) };
    let seen = outcomes(&store, &other_card, after(3)).await;
    assert_eq!((seen.card.declines, seen.ip.declines, seen.ip.of_the_card), (Declines::default(), once, 0));
    commit(&store, [declined(&let_through(&store, &attempt, after(3)).await, "stolen_card", after(4))]).await.unwrap();
    let seen = outcomes(&store, &attempt, after(5)).await;
    assert_eq!((seen.card.in_scheme_window, seen.card.last_hard), (2, Some(after(4))));
    let found = history(&store, &attempt, after(5)).await.guard(false, after(5)).unwrap();
    assert_eq!(found.name, "card_declined_for_good");
}

async fn an_outcome_without_a_decision_is_left_out(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    commit(&store, [declined(&attempt.decision(NOW), "insufficient_funds", NOW)]).await.unwrap();
    assert_eq!(outcomes(&store, &attempt, NOW).await, PastOutcomes::default());
}

async fn successes_and_chargebacks_count_for_the_customer_alone(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    let decision = let_through(&store, &attempt, NOW).await;
    for kind in [OutcomeKind::Succeeded, OutcomeKind::ChargedBack, OutcomeKind::ChargedBack] {
        commit(&store, [Change::RiskOutcome(RiskOutcome::of(decision.id.clone(), kind, NOW))]).await.unwrap();
    }
    let seen = outcomes(&store, &attempt, after(1)).await;
    assert_eq!((seen.customer.successes, seen.customer.chargebacks, seen.customer.all_declines), (1, 1, 0));
    assert_eq!(PastOutcomes { customer: Default::default(), ..seen }, PastOutcomes::default());
    let mut session = store.read().await.unwrap();
    let found = session.risk_outcomes(std::slice::from_ref(&decision.id)).await.unwrap();
    assert_eq!(found[&decision.id], [OutcomeKind::ChargedBack, OutcomeKind::Succeeded]);
}

/// Two numbers by chance, each below its bound.
fn dice(randomness: &Randomness, bounds: [u64; 2]) -> [u64; 2] {
    bounds.map(|bound| {
        let mut bytes = [0; 8];
        randomness.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    })
}

async fn a_counter_equals_the_outcomes_that_it_counts(database: TestDatabase) {
    let (store, randomness) = (database.store().await, Randomness::system());
    let customer = CustomerId::generate(&Ids::system());
    let (mut now, mut told) = (NOW, Vec::new());
    for _ in 0..60 {
        let [pause, card] = dice(&randomness, [40_000, 3]);
        let [ip, kind] = dice(&randomness, [2, 3]);
        now = now + Duration::from_secs(pause);
        let attempt = Attempt {
            card: u32::try_from(card).unwrap(),
            ip: u8::try_from(ip).unwrap(),
            customer: customer.clone(),
            ..Attempt::of_card(0)
        };
        let decision = let_through(&store, &attempt, now).await;
        let outcome = match kind {
            0 => declined(&decision, "insufficient_funds", now),
            1 => declined(&decision, "stolen_card", now),
            _ => Change::RiskOutcome(RiskOutcome::of(decision.id.clone(), OutcomeKind::Succeeded, now)),
        };
        commit(&store, [outcome]).await.unwrap();
        told.push((now, card, ip, kind));
    }
    let seen_by = Attempt { card: 0, ip: 0, customer, ..Attempt::of_card(0) };
    let seen = history(&store, &seen_by, now).await;
    let declines = |of: &dyn Fn(u64, u64) -> bool, within: Duration| {
        let counted =
            told.iter().filter(|(at, card, ip, kind)| *kind < 2 && of(*card, *ip) && *at > now.before(within));
        i64::try_from(counted.count()).unwrap()
    };
    let by_window = |of: &dyn Fn(u64, u64) -> bool| {
        Declines([600, 3600, 86_400, 604_800].map(|s| declines(of, Duration::from_secs(s))))
    };
    let outcomes = seen.outcomes();
    assert_eq!(outcomes.card.declines, by_window(&|card, _| card == 0));
    assert_eq!(outcomes.ip.declines, by_window(&|_, ip| ip == 0));
    assert_eq!((outcomes.email, outcomes.customer.declines), (by_window(&|_, _| true), by_window(&|_, _| true)));
    assert_eq!(outcomes.ip.of_the_card, declines(&|card, ip| card == 0 && ip == 0, Duration::from_secs(3600)));
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(outcomes.card.in_scheme_window, declines(&|card, _| card == 0, month));
    let hard = told.iter().filter(|(at, card, _, kind)| *card == 0 && *kind == 1 && *at > now.before(month));
    assert_eq!(outcomes.card.last_hard, hard.map(|(at, ..)| *at).max());
    assert_eq!(outcomes.customer.all_declines + outcomes.customer.successes, 60);
    let week = told.iter().filter(|(at, ..)| at.seconds() / 3600 >= now.before(Window::Week.length()).seconds() / 3600);
    let attempts = seen.velocities(now).get(Dimension::Customer, Window::Week, Measure::Attempts);
    assert_eq!(attempts, i64::try_from(week.count()).unwrap());
}

async fn a_cool_down_is_kept_with_the_block_that_it_comes_from(database: TestDatabase) {
    let store = database.store().await;
    for card in 0..10 {
        let_through(&store, &Attempt::of_card(card), NOW).await;
    }
    let attempt = Attempt::of_card(10);
    let mut seen = history(&store, &attempt, NOW).await;
    let found = seen.guard(false, NOW).unwrap();
    assert_eq!((found.name, found.subject.dimension()), ("distinct_cards", Some(Dimension::Ip)));
    seen.note_finding(&found, NOW);
    assert_eq!(seen.changes().count(), 1, "the address alone");
    commit(&store, seen.changes()).await.unwrap();
    let mut seen = history(&store, &attempt, after(60)).await;
    assert_eq!(seen.guard(false, after(60)), Some(found.clone()));
    seen.note_finding(&found, after(60));
    assert_eq!(seen.changes().count(), 0, "a cool-down that holds is not written again");
    assert_eq!(history(&store, &attempt, after(3600)).await.guard(false, after(3600)), None);
}

async fn subjects_are_deleted_once_nothing_of_them_counts(database: TestDatabase) {
    let store = database.store().await;
    let attempt = Attempt::of_card(1);
    let_through(&store, &attempt, NOW).await;
    let walk = async |days: i64| {
        let (mut deleted, mut reached) = (0, String::new());
        loop {
            // One subject a step, which is fewer than there are at first.
            let walked = store.delete_risk_subjects(&reached, after(days * 86_400), 1).await.unwrap();
            deleted += walked.deleted;
            match walked.next {
                Some(next) => reached = next,
                None => return deleted,
            }
        }
    };
    assert_eq!(walk(14).await, 0);
    let stale = {
        let mut stale = history(&store, &attempt, NOW).await;
        stale.note_attempt(None, NOW);
        stale
    };
    // The IP and the email address, then the card, and at last the customer.
    for (days, expected) in [(15, 2), (37, 0), (38, 1), (400, 0), (401, 1), (401, 0)] {
        assert_eq!(walk(days).await, expected, "after {days} days");
    }
    assert_eq!(conflict(commit(&store, stale.changes()).await), Conflict::Stale);
    let seen = history(&store, &attempt, NOW).await.velocities(NOW);
    assert_eq!(seen.get(Dimension::Card, Window::Week, Measure::Attempts), 0);
}

/// Gateways, and attempts that each makes at once.
const GATEWAYS: usize = 3;
const WRITERS: u32 = 64;

/// Decides about an attempt until what it is based on has not changed. Returns whether it is let through.
async fn decide(store: &Store, attempt: &Attempt, conflicts: &AtomicUsize) -> bool {
    loop {
        let mut seen = history(store, attempt, NOW).await;
        let mut decision = attempt.decision(NOW);
        let finding = seen.guard(false, NOW);
        match &finding {
            Some(finding) => {
                decision.action = Action::Block;
                seen.note_finding(finding, NOW);
            }
            None => seen.note_attempt(Some(500), NOW),
        }
        match commit(store, seen.changes().chain([new_decision(&decision)])).await {
            Ok(()) => return finding.is_none(),
            Err(CommitError::Conflict(Conflict::Stale | Conflict::Locked)) => conflicts.fetch_add(1, Ordering::Relaxed),
            Err(error) => panic!("{error:?}"),
        };
    }
}

async fn ten_cards_of_one_address_get_through_however_many_are_tried_at_once(database: TestDatabase) {
    let mut stores = gateways(&database).await;
    stores.truncate(GATEWAYS);
    let (conflicts, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for card in 0..WRITERS * u32::try_from(GATEWAYS).unwrap() {
        let store = stores[card as usize % stores.len()].clone();
        let conflicts = conflicts.clone();
        tasks.spawn(async move {
            let attempt = Attempt::of_card(card);
            (card, decide(&store, &attempt, &conflicts).await)
        });
    }
    let through: BTreeSet<_> =
        tasks.join_all().await.into_iter().filter_map(|(card, is_through)| is_through.then_some(card)).collect();
    println!("{} conflicts", conflicts.load(Ordering::Relaxed));
    assert_eq!(through.len(), 10);
    let seen = history(&stores[0], &Attempt::of_card(9999), NOW).await.velocities(NOW);
    assert_eq!(seen.get(Dimension::Ip, Window::Hour, Measure::DistinctCards), 10);
    assert_eq!(seen.get(Dimension::Ip, Window::Hour, Measure::Attempts), 10);
    assert_eq!(seen.get(Dimension::Bin, Window::Hour, Measure::Attempts), 10);
    let elsewhere = Attempt { ip: 8, ..Attempt::of_card(9999) };
    assert!(decide(&stores[0], &elsewhere, &conflicts).await, "another payer is not touched");
}
