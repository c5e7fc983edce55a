//! The operation journal: reservation, idempotency keys, epochs and frozen answers.

use corefy_gateway::{
    domain::{
        clock::Timestamp,
        ids::{Ids, OperationId, PaymentIntentId},
        operation::{Operation, OperationKind, OperationState},
        payment_intent::PaymentIntent,
    },
    store::{Change, CommitError, Conflict, FrozenAnswer, Lease, Store},
};

use tokio::task::JoinSet;

use super::objects::{
    FINGERPRINT, acme, after, commit, conflict, operation, other, payment_intent, reservation, save_operation,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    an_operation_reads_back_as_it_was_reserved,
    an_operation_that_ends_with_its_reservation_has_its_answer_at_once,
    a_partner_uses_an_idempotency_key_once,
    of_many_calls_with_one_key_one_is_reserved,
    a_frozen_answer_opens_again_byte_for_byte,
    nothing_is_written_under_an_old_epoch,
    an_operation_that_is_taken_over_ends_under_the_next_epoch,
    what_is_done_stays_done,
    an_operation_left_open_is_due_at_its_next_check,
    a_lease_is_renewed_only_as_far_as_it_is_held,
    the_unended_operations_on_a_payment_are_found,
];

fn confirmation() -> Operation {
    let payment = PaymentIntentId::generate(&Ids::system());
    operation(OperationKind::ConfirmPaymentIntent, payment.as_str(), Some(&payment))
}

/// The change that ends an operation with this answer.
fn finish(lease: Lease, answer: &str) -> Change {
    Change::FinishOperation { lease, answer: FrozenAnswer::of(&answer), finished_at: after(1) }
}

/// The change that leaves an operation open.
fn leave_open(operation: &Operation, next_check_at: Option<Timestamp>) -> Change {
    Change::LeaveOperationOpen { lease: Lease::held(operation), misses: operation.misses, next_check_at }
}

/// Every change that the holder of an operation may write about it.
fn last_words(operation: &Operation) -> [Change; 4] {
    let held = || Lease::held(operation);
    [
        finish(held(), "answer"),
        leave_open(operation, Some(after(20))),
        leave_open(operation, None),
        Change::ReleaseOperation(held()),
    ]
}

async fn reserve(store: &Store, operation: &Operation, key: &str) -> Result<(), CommitError> {
    commit(store, [reservation(operation, Some(key))]).await
}

async fn claim_due(store: &Store, now: i64, until: i64) -> Vec<Operation> {
    store.claim_due_operations(after(now), after(until), 9).await.unwrap()
}

async fn state_of(store: &Store, id: &OperationId) -> OperationState {
    store.read().await.unwrap().operation(id).await.unwrap().unwrap().operation.state
}

async fn an_operation_reads_back_as_it_was_reserved(database: TestDatabase) {
    let store = database.store().await;
    for kind in OperationKind::ALL {
        let written = Operation { kind, ..confirmation() };
        save_operation(&store, &written).await;
        let mut session = store.read().await.unwrap();
        let stored = session.operation(&written.id).await.unwrap().unwrap();
        assert_eq!(format!("{:?}", stored.operation), format!("{written:?}"));
        assert_eq!(stored.fingerprint, None);
        assert_eq!(session.operation_answer::<PaymentIntent>(&stored).unwrap(), None);
    }
    assert!(store.read().await.unwrap().operation(&OperationId::generate(&Ids::system())).await.unwrap().is_none());
}

async fn an_operation_that_ends_with_its_reservation_has_its_answer_at_once(database: TestDatabase) {
    let store = database.store().await;
    let ended = confirmation();
    let idempotency = Some(("a".to_owned(), FINGERPRINT));
    let answer = Some(FrozenAnswer::of(&"canceled"));
    commit(&store, [Change::ReserveOperation { operation: ended.clone(), idempotency, answer }]).await.unwrap();
    let mut session = store.read().await.unwrap();
    let stored = session.operation_keyed(&acme(), "a").await.unwrap().unwrap();
    assert_eq!((stored.operation.state, stored.finished_at), (OperationState::Done, Some(ended.sent_at)));
    assert_eq!(session.operation_answer::<String>(&stored).unwrap().as_deref(), Some("canceled"));
    drop(session);
    assert!(claim_due(&store, 1_000_000, 1_000_060).await.is_empty());
}

async fn a_partner_uses_an_idempotency_key_once(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (confirmation(), confirmation());
    reserve(&store, &first, "a").await.unwrap();
    assert_eq!(conflict(reserve(&store, &second, "a").await), Conflict::KeyTaken);
    assert_eq!(conflict(reserve(&store, &first, "b").await), Conflict::KeyTaken, "an operation of this id exists");
    reserve(&store, &Operation { partner_id: other(), ..confirmation() }, "a").await.unwrap();
    reserve(&store, &confirmation(), "A").await.unwrap();
    for _ in 0..2 {
        save_operation(&store, &confirmation()).await;
    }
    let mut session = store.read().await.unwrap();
    assert!(session.operation(&second.id).await.unwrap().is_none(), "nothing was reserved");
    assert_eq!(session.operation_keyed(&acme(), "a").await.unwrap().unwrap().operation.id, first.id);
    assert!(session.operation_keyed(&acme(), "b").await.unwrap().is_none());
}

async fn of_many_calls_with_one_key_one_is_reserved(database: TestDatabase) {
    let store = database.store().await;
    // Of another gateway.
    let others = database.store().await;
    let mut reserving = JoinSet::new();
    for number in 0..20 {
        let (store, operation) = (if number % 2 == 0 { store.clone() } else { others.clone() }, confirmation());
        reserving.spawn(async move { (reserve(&store, &operation, "a").await, operation.id) });
    }
    let (winners, losers): (Vec<_>, Vec<_>) =
        reserving.join_all().await.into_iter().partition(|(outcome, _)| outcome.is_ok());
    assert_eq!(winners.len(), 1);
    assert!(losers.into_iter().all(|(outcome, _)| conflict(outcome) == Conflict::KeyTaken));
    let kept = store.read().await.unwrap().operation_keyed(&acme(), "a").await.unwrap().unwrap();
    assert_eq!(kept.operation.id, winners[0].1);
}

async fn a_frozen_answer_opens_again_byte_for_byte(database: TestDatabase) {
    let store = database.store().await;
    let operation = confirmation();
    save_operation(&store, &operation).await;
    let answer = payment_intent(acme(), Some("Ünïcödé \u{0} \" \\"));
    let frozen = FrozenAnswer::of(&answer);
    let ended = Change::FinishOperation { lease: Lease::held(&operation), answer: frozen, finished_at: after(1) };
    commit(&store, [ended]).await.unwrap();
    store.close().await;
    let mut session = database.store().await.read().await.unwrap();
    let stored = session.operation(&operation.id).await.unwrap().unwrap();
    assert_eq!(stored.operation.state, OperationState::Done);
    let opened: PaymentIntent = session.operation_answer(&stored).unwrap().unwrap();
    assert_eq!(serde_json::to_string(&opened).unwrap(), serde_json::to_string(&answer).unwrap());
}

async fn nothing_is_written_under_an_old_epoch(database: TestDatabase) {
    let store = database.store().await;
    let old = confirmation();
    save_operation(&store, &old).await;
    let current = claim_due(&store, 10, 70).await.remove(0);
    assert_eq!((current.epoch, current.lease_until), (2, after(70)));
    for change in last_words(&old) {
        assert_eq!(conflict(commit(&store, [change]).await), Conflict::LeaseLost);
    }
    let mut session = store.read().await.unwrap();
    let stored = session.operation(&old.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", stored.operation), format!("{current:?}"), "and nothing was changed");
    assert_eq!(session.operation_answer::<String>(&stored).unwrap(), None);
    drop(session);
    commit(&store, [finish(Lease::held(&current), "answer")]).await.unwrap();
}

async fn an_operation_that_is_taken_over_ends_under_the_next_epoch(database: TestDatabase) {
    let store = database.store().await;
    let (payment, held) = (PaymentIntentId::generate(&Ids::system()), confirmation());
    let held = Operation { payment_intent_id: Some(payment.clone()), ..held };
    save_operation(&store, &held).await;
    commit(&store, [finish(Lease::taken_over(&held), "told by a webhook")]).await.unwrap();
    let stored = store.read().await.unwrap().operation(&held.id).await.unwrap().unwrap();
    assert_eq!((stored.operation.state, stored.operation.epoch), (OperationState::Done, 2));
    for change in last_words(&held) {
        assert_eq!(conflict(commit(&store, [change]).await), Conflict::LeaseLost, "its first holder has lost it");
    }
    let unended = store.operations_unended(&payment).await.unwrap();
    assert_eq!(unended.len(), 1, "its call may still be under way");
}

async fn what_is_done_stays_done(database: TestDatabase) {
    let store = database.store().await;
    let done = confirmation();
    save_operation(&store, &done).await;
    commit(&store, [finish(Lease::held(&done), "first")]).await.unwrap();
    for change in last_words(&done) {
        assert_eq!(conflict(commit(&store, [change]).await), Conflict::LeaseLost);
    }
    let mut session = store.read().await.unwrap();
    let stored = session.operation(&done.id).await.unwrap().unwrap();
    assert_eq!(session.operation_answer::<String>(&stored).unwrap().as_deref(), Some("first"));
    assert!(store.claim_due_operations(after(1_000_000), after(1_000_060), 9).await.unwrap().is_empty());
    assert!(store.claim_operations_for(&done.subject_id, after(1_000_000), after(1_000_060)).await.unwrap().is_empty());
}

async fn an_operation_left_open_is_due_at_its_next_check(database: TestDatabase) {
    let store = database.store().await;
    let open = Operation { misses: 3, ..confirmation() };
    save_operation(&store, &open).await;
    commit(&store, [leave_open(&open, Some(after(5)))]).await.unwrap();
    let again = commit(&store, [leave_open(&open, Some(after(50)))]).await;
    assert_eq!(conflict(again), Conflict::LeaseLost, "it was given back already");
    assert!(claim_due(&store, 4, 64).await.is_empty());
    let claimed = claim_due(&store, 5, 65).await.remove(0);
    assert_eq!((claimed.state, claimed.misses, claimed.epoch), (OperationState::InDoubt, 3, 2));
    commit(&store, [leave_open(&claimed, None)]).await.unwrap();
    assert!(claim_due(&store, 1_000_000, 1_000_060).await.is_empty());
    assert_eq!(state_of(&store, &open.id).await, OperationState::NeedsOperator);
}

async fn a_lease_is_renewed_only_as_far_as_it_is_held(database: TestDatabase) {
    let store = database.store().await;
    let (held, lost) = (confirmation(), confirmation());
    save_operation(&store, &held).await;
    save_operation(&store, &lost).await;
    commit(&store, [finish(Lease::taken_over(&lost), "told by a webhook")]).await.unwrap();
    let renewals = [&held, &lost].map(|operation| Change::RenewLease(Lease::held(operation), after(99)));
    commit(&store, renewals).await.unwrap();
    let mut session = store.read().await.unwrap();
    assert_eq!(session.operation(&held.id).await.unwrap().unwrap().operation.lease_until, after(99));
    assert_eq!(session.operation(&lost.id).await.unwrap().unwrap().operation.lease_until, lost.lease_until);
}

async fn the_unended_operations_on_a_payment_are_found(database: TestDatabase) {
    let store = database.store().await;
    let payment = PaymentIntentId::generate(&Ids::system());
    let mut open = Vec::new();
    for state in OperationState::ALL {
        let written = Operation { state, ..operation(OperationKind::CreateRefund, "re_1", Some(&payment)) };
        save_operation(&store, &written).await;
        if state != OperationState::Done {
            open.push(written.id);
        }
    }
    save_operation(&store, &confirmation()).await;
    let found = store.operations_unended(&payment).await.unwrap();
    assert_eq!(found.into_iter().map(|operation| operation.id).collect::<Vec<_>>(), open);
}
