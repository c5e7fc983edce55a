//! Drafts: written together and whole, or not at all.

use std::time::{Duration, Instant};

use corefy_gateway::{
    domain::{
        event::{EventObject, EventType},
        event_filter::EventFilter,
        ids::PaymentIntentId,
        operation::{Operation, OperationKind},
        payment_intent::{PaymentIntent, PaymentIntentState},
    },
    store::{Error, NewOperation, Store, Tx, Versions},
};
use tokio::task::JoinSet;

use super::objects::{NOW, acme, after, operation, paid_intent, payment_intent, refund, save_intent};
use crate::{
    on_both,
    support::database::{Backend, TestDatabase},
};

on_both![
    a_draft_is_written_whole_with_its_events,
    a_draft_whose_intent_was_moved_since_writes_nothing,
    a_draft_whose_intent_was_read_and_not_written_does_not_stand,
    a_draft_whose_key_is_taken_writes_nothing,
    a_draft_whose_reference_is_taken_writes_nothing,
    a_draft_of_an_operation_that_another_holds_writes_nothing,
    a_draft_that_breaks_a_rule_writes_nothing,
    what_a_draft_has_left_behind_the_next_one_knows,
    of_one_row_the_last_word_of_a_draft_counts,
    what_cannot_wait_for_the_commit_makes_a_draft_void,
    a_draft_that_is_overtaken_takes_none_of_a_hundred_others_with_it,
    no_increment_is_lost_among_drafts_and_transactions_at_the_same_time,
    drafts_and_transactions_tell_their_events_in_one_order_without_a_gap,
];

fn creation(intent: &PaymentIntent) -> Operation {
    operation(OperationKind::CreatePaymentIntent, intent.id.as_str(), Some(&intent.id))
}

async fn reserve(tx: &mut Tx, operation: &Operation, key: &str) {
    let idempotency = Some((key, &[7; 32]));
    assert!(tx.operation_insert(NewOperation { operation, idempotency }).await.unwrap());
}

async fn tell(tx: &mut Tx, object: impl Into<EventObject>) {
    tx.events_insert(&[EventType::PaymentIntentCreated], &object.into(), NOW).await.unwrap();
}

/// Drafts the creation of an intent under an idempotency key, with an event.
async fn draft_of(store: &Store, intent: &PaymentIntent, operation: &Operation, key: &str) -> Tx {
    let mut tx = store.begin_optimistic(Versions::default());
    reserve(&mut tx, operation, key).await;
    assert!(tx.payment_intent_insert(intent).await.unwrap());
    tell(&mut tx, intent.clone()).await;
    tx
}

async fn stored(store: &Store, id: &PaymentIntentId) -> Option<PaymentIntent> {
    store.payment_intent(&acme(), id).await.unwrap()
}

async fn event_count(store: &Store) -> usize {
    store.read().await.unwrap().events(&acme(), &EventFilter::default(), (0, None), 1000).await.unwrap().len()
}

/// Moves an intent in a transaction that locks it.
async fn overtake(store: &Store, id: &PaymentIntentId) {
    let mut tx = store.begin().await.unwrap();
    let mut intent = tx.payment_intent_lock(id).await.unwrap().unwrap();
    intent.state = PaymentIntentState::Canceled;
    tx.payment_intent_update(&intent, None).await.unwrap();
    tx.commit().await.unwrap();
}

fn assert_overtaken(outcome: Result<(), Error>) {
    assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
}

/// Whether nothing of [`draft_of`] is there.
async fn is_untouched(store: &Store, intent: &PaymentIntent, operation: &Operation) -> bool {
    let operation = store.read().await.unwrap().operation(&operation.id).await.unwrap();
    operation.is_none() && stored(store, &intent.id).await.is_none() && event_count(store).await == 0
}

async fn a_draft_is_written_whole_with_its_events(database: TestDatabase) {
    let store = database.store().await;
    let intent = PaymentIntent { reference_id: Some("\"ö\\\u{1f4b6}".to_owned()), ..payment_intent(acme(), None) };
    let reserved = creation(&intent);
    let draft = draft_of(&store, &intent, &reserved, "a").await;
    assert!(is_untouched(&store, &intent, &reserved).await, "nothing before the commit");
    draft.commit().await.unwrap();
    assert_eq!(stored(&store, &intent.id).await, Some(intent.clone()));
    let mut session = store.read().await.unwrap();
    let kept = session.operation_keyed(&acme(), "a").await.unwrap().unwrap();
    assert_eq!(format!("{:?}", kept.operation), format!("{reserved:?}"));
    assert_eq!(kept.fingerprint.as_deref(), Some(&[7; 32][..]));
    let events = session.events(&acme(), &EventFilter::default(), (0, None), 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1]);
    assert_eq!(events[0].object.id(), intent.id.as_str());
}

async fn a_draft_whose_intent_was_moved_since_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let reserved = creation(&intent);
    let mut draft = store.begin_optimistic(Versions::default());
    reserve(&mut draft, &reserved, "a").await;
    let mut seen = draft.payment_intent_lock(&intent.id).await.unwrap().unwrap();
    seen.state = PaymentIntentState::Processing;
    draft.payment_intent_update(&seen, None).await.unwrap();
    tell(&mut draft, seen).await;
    overtake(&store, &intent.id).await;
    assert_overtaken(draft.commit().await);
    assert_eq!(stored(&store, &intent.id).await.unwrap().state, PaymentIntentState::Canceled);
    assert!(store.read().await.unwrap().operation(&reserved.id).await.unwrap().is_none());
    assert_eq!(event_count(&store).await, 0);
}

async fn a_draft_whose_intent_was_read_and_not_written_does_not_stand(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut draft = store.begin_optimistic(Versions::default());
    let seen = draft.payment_intent_lock(&intent.id).await.unwrap().unwrap();
    tell(&mut draft, seen).await;
    assert_overtaken(draft.commit().await);
    assert_eq!(event_count(&store).await, 0);
}

async fn a_draft_whose_key_is_taken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (payment_intent(acme(), None), payment_intent(acme(), None));
    let mut tx = store.begin().await.unwrap();
    reserve(&mut tx, &creation(&first), "a").await;
    tx.commit().await.unwrap();
    let reserved = creation(&second);
    assert_overtaken(draft_of(&store, &second, &reserved, "a").await.commit().await);
    assert!(is_untouched(&store, &second, &reserved).await);
}

async fn a_draft_whose_reference_is_taken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    save_intent(&store, &payment_intent(acme(), Some("a"))).await;
    let second = payment_intent(acme(), Some("a"));
    let reserved = creation(&second);
    assert_overtaken(draft_of(&store, &second, &reserved, "a").await.commit().await);
    assert!(is_untouched(&store, &second, &reserved).await);
}

async fn a_draft_of_an_operation_that_another_holds_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    let reserved = creation(&intent);
    let versions = draft_of(&store, &intent, &reserved, "a").await.commit_versions().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.operations_claim_due(after(999), after(1999), 9).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let mut draft = store.begin_optimistic(versions);
    draft.payment_intent_update(&intent, Some(NOW)).await.unwrap();
    assert!(draft.operation_finish(&reserved, &"late", NOW).await.unwrap(), "it hears at the commit");
    assert_overtaken(draft.commit().await);
    let kept = store.read().await.unwrap().operation(&reserved.id).await.unwrap().unwrap();
    assert_eq!(kept.finished_at, None);
}

async fn a_draft_that_breaks_a_rule_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut draft = store.begin_optimistic(Versions::default());
    let seen = draft.payment_intent_lock(&intent.id).await.unwrap().unwrap();
    let impossible = PaymentIntent { received: seen.amount.minor + 1, ..seen };
    draft.payment_intent_update(&impossible, None).await.unwrap();
    tell(&mut draft, impossible).await;
    assert_overtaken(draft.commit().await);
    assert_eq!(stored(&store, &intent.id).await, Some(intent));
    assert_eq!(event_count(&store).await, 0);
}

async fn what_a_draft_has_left_behind_the_next_one_knows(database: TestDatabase) {
    let store = database.store().await;
    let mut intent = payment_intent(acme(), None);
    let mut versions = draft_of(&store, &intent, &creation(&intent), "a").await.commit_versions().await.unwrap();
    for received in 1..=3 {
        let mut draft = store.begin_optimistic(versions);
        assert_eq!(draft.payment_intent_lock(&intent.id).await.unwrap().as_ref(), Some(&intent));
        intent.received = received;
        draft.payment_intent_update(&intent, None).await.unwrap();
        versions = draft.commit_versions().await.unwrap();
    }
    assert_eq!(stored(&store, &intent.id).await, Some(intent.clone()));
    overtake(&store, &intent.id).await;
    let mut draft = store.begin_optimistic(versions);
    draft.payment_intent_update(&intent, None).await.unwrap();
    assert_overtaken(draft.commit().await);
}

async fn of_one_row_the_last_word_of_a_draft_counts(database: TestDatabase) {
    let store = database.store().await;
    let paid = paid_intent(acme());
    save_intent(&store, &paid).await;
    let mut draft = store.begin_optimistic(Versions::default());
    let mut seen = draft.payment_intent_lock(&paid.id).await.unwrap().unwrap();
    for pending in [1, 2, 3] {
        seen.refund_pending = pending;
        draft.payment_intent_update(&seen, None).await.unwrap();
    }
    draft.refund_insert(&refund(&paid, None)).await.unwrap();
    draft.commit().await.unwrap();
    assert_eq!(stored(&store, &paid.id).await, Some(seen));
    assert_eq!(store.read().await.unwrap().refunds_of(&paid.id).await.unwrap().len(), 1);
}

async fn what_cannot_wait_for_the_commit_makes_a_draft_void(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    let mut draft = draft_of(&store, &intent, &creation(&intent), "a").await;
    assert!(matches!(draft.payment_intent_delete(&intent.id).await, Err(Error::Conflict)));
    let reserved = creation(&intent);
    let mut draft = draft_of(&store, &intent, &reserved, "a").await;
    draft.operation_finish(&reserved, &"at once", NOW).await.unwrap();
    assert_overtaken(draft.commit().await);
    assert!(is_untouched(&store, &intent, &reserved).await);
}

async fn a_draft_that_is_overtaken_takes_none_of_a_hundred_others_with_it(database: TestDatabase) {
    let store = database.store().await;
    save_intent(&store, &payment_intent(acme(), Some("taken"))).await;
    let mut drafts = JoinSet::new();
    for number in 0..100 {
        let store = store.clone();
        let reference = if number % 3 == 0 { "taken".to_owned() } else { number.to_string() };
        drafts.spawn(async move {
            let intent = payment_intent(acme(), Some(&reference));
            let outcome = draft_of(&store, &intent, &creation(&intent), &number.to_string()).await.commit().await;
            assert_eq!(matches!(outcome, Err(Error::Conflict)), number % 3 == 0, "{outcome:?}");
            assert_eq!(stored(&store, &intent.id).await.is_some(), number % 3 > 0);
        });
    }
    drafts.join_all().await;
    assert_eq!(event_count(&store).await, 66);
}

async fn no_increment_is_lost_among_drafts_and_transactions_at_the_same_time(database: TestDatabase) {
    let store = database.store().await;
    let paid = paid_intent(acme());
    save_intent(&store, &paid).await;
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let (store, id) = (store.clone(), paid.id.clone());
        tasks.spawn(async move {
            loop {
                let draft = store.begin_optimistic(Versions::default());
                let mut tx = if number % 4 == 0 { store.begin().await.unwrap() } else { draft };
                let mut intent = tx.payment_intent_lock(&id).await.unwrap().unwrap();
                intent.refund_pending += 1;
                tx.payment_intent_update(&intent, None).await.unwrap();
                match tx.commit().await {
                    Ok(()) => return,
                    outcome => assert_overtaken(outcome),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(stored(&store, &paid.id).await.unwrap().refund_pending, 40);
}

async fn drafts_and_transactions_tell_their_events_in_one_order_without_a_gap(database: TestDatabase) {
    let store = database.store().await;
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let store = store.clone();
        tasks.spawn(async move {
            let versions = Versions::default();
            let mut tx = if number % 2 == 0 { store.begin().await.unwrap() } else { store.begin_optimistic(versions) };
            tell(&mut tx, payment_intent(acme(), None)).await;
            tell(&mut tx, payment_intent(acme(), None)).await;
            tx.commit().await.unwrap();
        });
    }
    tasks.join_all().await;
    let events = store.read().await.unwrap().events(&acme(), &EventFilter::default(), (0, None), 1000).await.unwrap();
    assert!(events.iter().map(|event| event.sequence).eq(1..=120));
}

/// SQLite has no locks of rows: who writes there holds up all others, and for as long as a transaction takes.
#[tokio::test]
async fn a_row_that_another_has_locked_on_postgres_holds_up_no_other_draft_for_long() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let store = database.store().await;
    let locked = payment_intent(acme(), None);
    save_intent(&store, &locked).await;
    let mut holder = store.begin().await.unwrap();
    holder.payment_intent_lock(&locked.id).await.unwrap();
    let began = Instant::now();
    let mut drafts = JoinSet::new();
    for number in 0..50 {
        let (store, id) = (store.clone(), locked.id.clone());
        drafts.spawn(async move {
            if number == 7 {
                let mut draft = store.begin_optimistic(Versions::default());
                let seen = draft.payment_intent_lock(&id).await.unwrap().unwrap();
                draft.payment_intent_update(&seen, None).await.unwrap();
                assert_overtaken(draft.commit().await);
                return;
            }
            let intent = payment_intent(acme(), None);
            let draft = draft_of(&store, &intent, &creation(&intent), &number.to_string()).await;
            // The others of its batch meet the conflict, too, and are written by themselves.
            match draft.commit().await {
                Ok(()) => assert!(stored(&store, &intent.id).await.is_some()),
                outcome => assert_overtaken(outcome),
            }
        });
    }
    drafts.join_all().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
