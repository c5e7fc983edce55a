//! Commits: the changes of one decision are written together and whole, or not at all, and the conflict says why.

use std::time::{Duration, Instant};

use corefy_gateway::{
    domain::{
        event::EventType,
        event_filter::EventFilter,
        ids::PaymentIntentId,
        operation::{Operation, OperationKind},
        payment_intent::{PaymentIntent, PaymentIntentState},
    },
    store::{Change, Changes, CommitError, Conflict, Error, FrozenAnswer, Lease, Store, Tracked},
};
use tokio::task::JoinSet;

use super::objects::{
    FINGERPRINT, NOW, acme, after, commit, conflict, new_intent, new_refund, operation, paid_intent, payment_intent,
    refund, reservation, save_intent,
};
use crate::{
    on_three,
    support::database::{Backend, TestDatabase},
};

on_three![
    a_commit_is_written_whole_with_its_events,
    a_commit_whose_intent_was_moved_since_writes_nothing,
    a_decision_that_relies_on_an_intent_which_it_leaves_alone_stands_only_if_that_is_unchanged,
    a_commit_whose_key_is_taken_writes_nothing,
    a_commit_whose_reference_is_taken_writes_nothing,
    a_taken_key_is_told_before_a_taken_reference,
    a_commit_under_a_lease_that_another_has_taken_writes_nothing,
    a_commit_that_breaks_a_rule_writes_nothing_and_is_no_conflict,
    what_one_decision_has_left_behind_the_next_one_builds_on,
    a_commit_of_nothing_is_no_statement,
    a_commit_that_conflicts_takes_none_of_a_hundred_others_with_it,
    two_decisions_on_one_row_that_come_together_are_made_one_after_the_other,
    no_increment_is_lost_among_decisions_at_the_same_time,
    commits_get_their_events_in_one_order_without_a_gap,
];

fn creation(intent: &PaymentIntent) -> Operation {
    operation(OperationKind::CreatePaymentIntent, intent.id.as_str(), Some(&intent.id))
}

/// The changes that create an intent under an idempotency key, with an event.
fn creation_of(intent: &PaymentIntent, operation: &Operation, key: &str) -> Changes {
    let mut changes = Changes::by(std::slice::from_ref(operation));
    changes.push(reservation(operation, Some(key)));
    changes.push(new_intent(intent));
    changes.emit(EventType::PaymentIntentCreated, intent.clone(), NOW);
    changes
}

async fn tracked(store: &Store, id: &PaymentIntentId) -> Tracked<PaymentIntent> {
    store.payment_intent_tracked(id).await.unwrap().unwrap()
}

async fn stored(store: &Store, id: &PaymentIntentId) -> Option<PaymentIntent> {
    store.payment_intent(&acme(), id).await.unwrap()
}

async fn event_count(store: &Store) -> usize {
    store.read().await.unwrap().events(&acme(), &EventFilter::default(), (0, None), 1000).await.unwrap().len()
}

/// Moves an intent as another gateway does.
async fn overtake(store: &Store, id: &PaymentIntentId) {
    let mut intent = tracked(store, id).await;
    intent.state = PaymentIntentState::Canceled;
    commit(store, [Change::PaymentIntent(Box::new(intent), None)]).await.unwrap();
}

/// Whether nothing of [`creation_of`] is there.
async fn is_untouched(store: &Store, intent: &PaymentIntent, operation: &Operation) -> bool {
    let operation = store.read().await.unwrap().operation(&operation.id).await.unwrap();
    operation.is_none() && stored(store, &intent.id).await.is_none() && event_count(store).await == 0
}

async fn a_commit_is_written_whole_with_its_events(database: TestDatabase) {
    let store = database.store().await;
    let intent = PaymentIntent { reference_id: Some("\"ö\\\u{1f4b6}".to_owned()), ..payment_intent(acme(), None) };
    let reserved = creation(&intent);
    let changes = creation_of(&intent, &reserved, "a");
    assert!(is_untouched(&store, &intent, &reserved).await, "nothing before the commit");
    store.commit(&changes).await.unwrap();
    assert_eq!(stored(&store, &intent.id).await, Some(intent.clone()));
    let mut session = store.read().await.unwrap();
    let kept = session.operation_keyed(&acme(), "a").await.unwrap().unwrap();
    assert_eq!(format!("{:?}", kept.operation), format!("{reserved:?}"));
    assert_eq!(kept.fingerprint.as_deref(), Some(&FINGERPRINT[..]));
    let events = session.events(&acme(), &EventFilter::default(), (0, None), 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1]);
    assert_eq!(events[0].object.id(), intent.id.as_str());
    assert_eq!(events[0].operation_id.as_ref(), Some(&reserved.id));
}

async fn a_commit_whose_intent_was_moved_since_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let reserved = creation(&intent);
    let mut seen = tracked(&store, &intent.id).await;
    seen.state = PaymentIntentState::Processing;
    let mut changes = Changes::default();
    changes.push(reservation(&reserved, Some("a")));
    changes.emit(EventType::PaymentIntentCreated, seen.clone().into_inner(), NOW);
    changes.push(Change::PaymentIntent(Box::new(seen), None));
    overtake(&store, &intent.id).await;
    assert_eq!(conflict(store.commit(&changes).await), Conflict::Stale);
    assert_eq!(stored(&store, &intent.id).await.unwrap().state, PaymentIntentState::Canceled);
    assert!(store.read().await.unwrap().operation(&reserved.id).await.unwrap().is_none());
    assert_eq!(event_count(&store).await, 0);
}

async fn a_decision_that_relies_on_an_intent_which_it_leaves_alone_stands_only_if_that_is_unchanged(
    database: TestDatabase,
) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut seen = tracked(&store, &intent.id).await;
    seen.require_unchanged();
    overtake(&store, &intent.id).await;
    let reserved = creation(&intent);
    let changes = [reservation(&reserved, None), Change::PaymentIntent(Box::new(seen), None)];
    assert_eq!(conflict(commit(&store, changes).await), Conflict::Stale);
    assert!(store.read().await.unwrap().operation(&reserved.id).await.unwrap().is_none());
}

async fn a_commit_whose_key_is_taken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (payment_intent(acme(), None), payment_intent(acme(), None));
    commit(&store, [reservation(&creation(&first), Some("a"))]).await.unwrap();
    let reserved = creation(&second);
    assert_eq!(conflict(store.commit(&creation_of(&second, &reserved, "a")).await), Conflict::KeyTaken);
    assert!(is_untouched(&store, &second, &reserved).await);
}

async fn a_commit_whose_reference_is_taken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    save_intent(&store, &payment_intent(acme(), Some("a"))).await;
    let second = payment_intent(acme(), Some("a"));
    let reserved = creation(&second);
    assert_eq!(conflict(store.commit(&creation_of(&second, &reserved, "a")).await), Conflict::ReferenceTaken);
    assert!(is_untouched(&store, &second, &reserved).await);
}

async fn a_taken_key_is_told_before_a_taken_reference(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), Some("a"));
    store.commit(&creation_of(&intent, &creation(&intent), "a")).await.unwrap();
    let again = payment_intent(acme(), Some("a"));
    let outcome = store.commit(&creation_of(&again, &creation(&again), "a")).await;
    assert_eq!(conflict(outcome), Conflict::KeyTaken, "the call is a repetition, and is answered as such");
}

async fn a_commit_under_a_lease_that_another_has_taken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    let reserved = creation(&intent);
    store.commit(&creation_of(&intent, &reserved, "a")).await.unwrap();
    assert_eq!(store.claim_due_operations(after(999), after(1999), 9).await.unwrap().len(), 1);
    let mut seen = tracked(&store, &intent.id).await;
    seen.received = 5;
    let late =
        Change::FinishOperation { lease: Lease::held(&reserved), answer: FrozenAnswer::of(&"late"), finished_at: NOW };
    assert_eq!(
        conflict(commit(&store, [Change::PaymentIntent(Box::new(seen), Some(NOW)), late]).await),
        Conflict::LeaseLost
    );
    assert_eq!(stored(&store, &intent.id).await, Some(intent));
    let kept = store.read().await.unwrap().operation(&reserved.id).await.unwrap().unwrap();
    assert_eq!(kept.finished_at, None);
}

async fn a_commit_that_breaks_a_rule_writes_nothing_and_is_no_conflict(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut impossible = tracked(&store, &intent.id).await;
    impossible.received = intent.amount.minor + 1;
    let mut changes = Changes::default();
    changes.emit(EventType::PaymentIntentSucceeded, impossible.clone().into_inner(), NOW);
    changes.push(Change::PaymentIntent(Box::new(impossible), None));
    let outcome = store.commit(&changes).await;
    assert!(matches!(outcome, Err(CommitError::Failed(Error::RuleBroken(_)))), "{outcome:?}");
    assert_eq!(stored(&store, &intent.id).await, Some(intent));
    assert_eq!(event_count(&store).await, 0);
}

async fn what_one_decision_has_left_behind_the_next_one_builds_on(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    let mut kept = Tracked::new(intent.clone());
    commit(&store, [Change::PaymentIntent(Box::new(kept.clone()), None)]).await.unwrap();
    kept.mark_committed();
    for received in 1..=3 {
        kept.received = received;
        commit(&store, [Change::PaymentIntent(Box::new(kept.clone()), None)]).await.unwrap();
        kept.mark_committed();
    }
    assert_eq!(stored(&store, &intent.id).await, Some(kept.clone().into_inner()));
    overtake(&store, &intent.id).await;
    kept.received = 4;
    assert_eq!(conflict(commit(&store, [Change::PaymentIntent(Box::new(kept), None)]).await), Conflict::Stale);
}

async fn a_commit_of_nothing_is_no_statement(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let seen = tracked(&store, &intent.id).await;
    overtake(&store, &intent.id).await;
    commit(&store, [Change::PaymentIntent(Box::new(seen), Some(NOW))]).await.unwrap();
    assert_eq!(
        stored(&store, &intent.id).await.unwrap().state,
        PaymentIntentState::Canceled,
        "what was read is not written"
    );
}

async fn a_commit_that_conflicts_takes_none_of_a_hundred_others_with_it(database: TestDatabase) {
    let store = database.store().await;
    save_intent(&store, &payment_intent(acme(), Some("taken"))).await;
    let mut commits = JoinSet::new();
    for number in 0..100 {
        let store = store.clone();
        let reference = if number % 3 == 0 { "taken".to_owned() } else { number.to_string() };
        commits.spawn(async move {
            let intent = payment_intent(acme(), Some(&reference));
            let outcome = store.commit(&creation_of(&intent, &creation(&intent), &number.to_string())).await;
            if number % 3 == 0 {
                assert_eq!(conflict(outcome), Conflict::ReferenceTaken);
            } else {
                outcome.unwrap();
            }
            assert_eq!(stored(&store, &intent.id).await.is_some(), number % 3 > 0);
        });
    }
    commits.join_all().await;
    assert_eq!(event_count(&store).await, 66);
}

async fn two_decisions_on_one_row_that_come_together_are_made_one_after_the_other(database: TestDatabase) {
    let store = database.store().await;
    let paid = paid_intent(acme());
    save_intent(&store, &paid).await;
    let read = tracked(&store, &paid.id).await;
    let decision = async |pending| {
        let mut seen = read.clone();
        seen.refund_pending = pending;
        commit(&store, [Change::PaymentIntent(Box::new(seen), None), new_refund(&refund(&paid, None))]).await
    };
    let outcomes: [_; 3] = tokio::join!(decision(1), decision(2), decision(3)).into();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.into_iter().filter(Result::is_err).all(|outcome| conflict(outcome) == Conflict::Stale));
    assert_eq!(store.read().await.unwrap().refunds_of(&paid.id).await.unwrap().len(), 1);
}

async fn no_increment_is_lost_among_decisions_at_the_same_time(database: TestDatabase) {
    let store = database.store().await;
    let paid = paid_intent(acme());
    save_intent(&store, &paid).await;
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let (store, id) = (store.clone(), paid.id.clone());
        tasks.spawn(async move {
            loop {
                let mut intent = tracked(&store, &id).await;
                intent.refund_pending += 1;
                match commit(&store, [Change::PaymentIntent(Box::new(intent), None)]).await {
                    Ok(()) => return,
                    outcome => assert_eq!(conflict(outcome), Conflict::Stale),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(stored(&store, &paid.id).await.unwrap().refund_pending, 40);
}

async fn commits_get_their_events_in_one_order_without_a_gap(database: TestDatabase) {
    let store = database.store().await;
    let mut tasks = JoinSet::new();
    for _ in 0..60 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut changes = Changes::default();
            changes.emit(EventType::PaymentIntentCreated, payment_intent(acme(), None), NOW);
            changes.emit(EventType::PaymentIntentCreated, payment_intent(acme(), None), NOW);
            store.commit(&changes).await.unwrap();
        });
    }
    tasks.join_all().await;
    let events = store.read().await.unwrap().events(&acme(), &EventFilter::default(), (0, None), 1000).await.unwrap();
    assert!(events.iter().map(|event| event.sequence).eq(1..=120));
}

/// SQLite has no locks of rows: a transaction there holds up all others, and for as long as it takes.
#[tokio::test]
async fn a_row_that_another_has_locked_on_postgres_holds_up_no_other_commit_for_long() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let store = database.store().await;
    let locked = payment_intent(acme(), None);
    save_intent(&store, &locked).await;
    let holder = database.lock_intent(locked.id.as_str()).await;
    let began = Instant::now();
    let mut commits = JoinSet::new();
    for number in 0..50 {
        let (store, id) = (store.clone(), locked.id.clone());
        commits.spawn(async move {
            if number == 7 {
                let mut seen = tracked(&store, &id).await;
                seen.received = 1;
                assert_eq!(
                    conflict(commit(&store, [Change::PaymentIntent(Box::new(seen), None)]).await),
                    Conflict::Locked
                );
                return;
            }
            let intent = payment_intent(acme(), None);
            store.commit(&creation_of(&intent, &creation(&intent), &number.to_string())).await.unwrap();
            assert!(stored(&store, &intent.id).await.is_some());
        });
    }
    commits.join_all().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(holder);
}
