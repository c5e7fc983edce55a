//! The counters of BINs, to which every gateway adds.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        risk::subject::Dimension,
        risk::{
            action::Action,
            decision::RiskDecision,
            outcome::RiskOutcome,
            velocity::{Measure, Velocities, Window},
        },
    },
    store::{Change, Store},
};
use tokio::task::JoinSet;

use super::{
    objects::{NOW, after, commit, gateways},
    risk_decisions::{Attempt, new_decision},
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    attempts_of_a_bin_are_added_up_whatever_commits_come_together,
    a_blocked_attempt_is_not_counted,
    a_decline_is_counted_once_for_the_bin_of_its_attempt,
    what_no_window_has_any_more_is_deleted,
];

const BIN: &str = "411111";

async fn velocities(store: &Store, second: i64) -> Velocities {
    let history = store.risk_history(&[], Some(BIN), after(second)).await.unwrap();
    history.velocities(after(second))
}

fn of(velocities: &Velocities, measure: Measure) -> [i64; 4] {
    [Window::TenMinutes, Window::Hour, Window::Day, Window::Week]
        .map(|window| velocities.get(Dimension::Bin, window, measure))
}

/// An attempt of a new customer's, and declines of it.
async fn save(store: &Store, second: i64) -> RiskDecision {
    let decision = Attempt::of_card(1).decision(after(second));
    commit(store, [new_decision(&decision)]).await.unwrap();
    decision
}

async fn decline(store: &Store, decision: &RiskDecision, second: i64) {
    let outcome = RiskOutcome::of_failure(decision.id.clone(), "insufficient_funds", after(second)).unwrap();
    commit(store, [Change::RiskOutcome(outcome)]).await.unwrap();
}

async fn attempts_of_a_bin_are_added_up_whatever_commits_come_together(database: TestDatabase) {
    let stores = gateways(&database).await;
    let declined = save(&stores[0], 0).await;
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let store = stores[number % stores.len()].clone();
        tasks.spawn(async move { save(&store, 0).await });
    }
    let store = stores[0].clone();
    tasks.spawn(async move {
        decline(&store, &declined, 0).await;
        declined
    });
    tasks.join_all().await;
    let velocities = velocities(&stores[0], 0).await;
    assert_eq!(of(&velocities, Measure::Attempts), [101; 4]);
    assert_eq!(of(&velocities, Measure::Amount), [50_500; 4]);
    assert_eq!(of(&velocities, Measure::Declines), [1; 4]);
}

async fn a_blocked_attempt_is_not_counted(database: TestDatabase) {
    let store = database.store().await;
    let blocked = RiskDecision { action: Action::Block, ..Attempt::of_card(1).decision(NOW) };
    let other = Attempt { bin: "400000", ..Attempt::of_card(1) }.decision(NOW);
    commit(&store, [new_decision(&blocked), new_decision(&other)]).await.unwrap();
    assert_eq!(velocities(&store, 0).await, Velocities::default());
}

async fn a_decline_is_counted_once_for_the_bin_of_its_attempt(database: TestDatabase) {
    let store = database.store().await;
    let decision = save(&store, 0).await;
    for second in [1, 2] {
        decline(&store, &decision, second).await;
    }
    decline(&store, &Attempt::of_card(2).decision(NOW), 3).await;
    let velocities = velocities(&store, 3).await;
    assert_eq!(of(&velocities, Measure::Declines), [1; 4]);
    assert_eq!(of(&velocities, Measure::Attempts), [1; 4]);
}

async fn what_no_window_has_any_more_is_deleted(database: TestDatabase) {
    let store = database.store().await;
    save(&store, 0).await;
    let at = |time: Duration| NOW + time;
    const HOUR: Duration = Duration::from_secs(3600);
    assert_eq!(store.delete_risk_bin_counters(at(HOUR), 9).await.unwrap(), 0);
    assert_eq!(store.delete_risk_bin_counters(at(HOUR + HOUR / 12), 9).await.unwrap(), 1);
    let later = i64::try_from((Window::Week.length()).as_secs()).unwrap();
    assert_eq!(of(&velocities(&store, later).await, Measure::Attempts), [0, 0, 0, 1]);
    assert_eq!(store.delete_risk_bin_counters(at(Window::Week.length()), 9).await.unwrap(), 0);
    assert_eq!(store.delete_risk_bin_counters(at(Window::Week.length() + 3 * HOUR), 9).await.unwrap(), 1);
}
