//! The operation journal: reservation, idempotency keys, epochs and frozen answers.

use corefy_gateway::{
    domain::{
        ids::{OperationId, PaymentIntentId},
        operation::{Operation, OperationKind, OperationState},
        payment_intent::PaymentIntent,
    },
    store::{NewOperation, Store, Tx},
};
use tokio::sync::oneshot;

use super::objects::{acme, after, operation, other, payment_intent, save_operation};
use crate::{on_both, support::database::TestDatabase};

on_both![
    an_operation_reads_back_as_it_was_reserved,
    an_operation_is_rebased_on_what_was_known_when_it_was_reserved,
    a_partner_uses_an_idempotency_key_once,
    of_two_calls_with_one_key_the_second_waits_for_the_first_and_loses,
    a_key_whose_first_call_was_rolled_back_is_free,
    a_frozen_answer_opens_again_byte_for_byte,
    nothing_is_written_under_an_old_epoch,
    what_is_done_stays_done,
    an_operation_left_open_is_due_at_its_next_check,
    the_open_operations_on_a_payment_are_found,
];

const FINGERPRINT: [u8; 32] = [7; 32];

fn confirmation() -> Operation {
    let payment = PaymentIntentId::generate();
    operation(OperationKind::ConfirmPaymentIntent, payment.as_str(), Some(&payment))
}

async fn reserve(tx: &mut Tx, operation: &Operation, key: &str) -> bool {
    tx.operation_insert(NewOperation { operation, idempotency: Some((key, &FINGERPRINT)) }).await.unwrap()
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
    assert!(store.read().await.unwrap().operation(&OperationId::generate()).await.unwrap().is_none());
}

async fn an_operation_is_rebased_on_what_was_known_when_it_was_reserved(database: TestDatabase) {
    let store = database.store().await;
    let mut rebased = confirmation();
    let mut tx = store.begin().await.unwrap();
    assert!(reserve(&mut tx, &rebased, "a").await);
    rebased.baseline = after(-5);
    tx.operation_rebase(NewOperation { operation: &rebased, idempotency: None }).await.unwrap();
    let stored = tx.operation_keyed(&acme(), "a").await.unwrap().unwrap();
    assert_eq!(format!("{:?}", stored.operation), format!("{rebased:?}"));
    assert_eq!(stored.fingerprint.as_deref(), Some(&FINGERPRINT[..]));
}

async fn a_partner_uses_an_idempotency_key_once(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (confirmation(), confirmation());
    let mut tx = store.begin().await.unwrap();
    assert!(reserve(&mut tx, &first, "a").await);
    assert!(!reserve(&mut tx, &second, "a").await);
    assert!(tx.operation(&second.id).await.unwrap().is_none(), "nothing was reserved");
    assert!(reserve(&mut tx, &Operation { partner_id: other(), ..confirmation() }, "a").await, "another partner's");
    assert!(reserve(&mut tx, &confirmation(), "A").await, "another key");
    assert_eq!(tx.operation_keyed(&acme(), "a").await.unwrap().unwrap().operation.id, first.id);
    assert!(tx.operation_keyed(&acme(), "b").await.unwrap().is_none());
    for _ in 0..2 {
        let without = NewOperation { operation: &confirmation(), idempotency: None };
        assert!(tx.operation_insert(without).await.unwrap(), "no key is free");
    }
}

/// Lets two transactions reserve under the same key, the second begun while the first is open, and answers whether the
/// second succeeded after the first was committed or rolled back.
async fn second_of_two(store: &Store, is_first_committed: bool) -> bool {
    let mut first = store.begin().await.unwrap();
    assert!(reserve(&mut first, &confirmation(), "a").await);
    let (store, (begun, has_begun)) = (store.clone(), oneshot::channel());
    let second = tokio::spawn(async move {
        begun.send(()).unwrap();
        let mut tx = store.begin().await.unwrap();
        let is_reserved = reserve(&mut tx, &confirmation(), "a").await;
        tx.commit().await.unwrap();
        is_reserved
    });
    has_begun.await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished(), "the second cannot know before the first has ended");
    if is_first_committed {
        first.commit().await.unwrap();
    } else {
        drop(first);
    }
    second.await.unwrap()
}

async fn of_two_calls_with_one_key_the_second_waits_for_the_first_and_loses(database: TestDatabase) {
    assert!(!second_of_two(&database.store().await, true).await);
}

async fn a_key_whose_first_call_was_rolled_back_is_free(database: TestDatabase) {
    assert!(second_of_two(&database.store().await, false).await);
}

async fn a_frozen_answer_opens_again_byte_for_byte(database: TestDatabase) {
    let store = database.store().await;
    let operation = confirmation();
    save_operation(&store, &operation).await;
    let answer = payment_intent(acme(), Some("Ünïcödé \u{0} \" \\"));
    let mut tx = store.begin().await.unwrap();
    assert!(tx.operation_finish(&operation, &answer, after(1)).await.unwrap());
    tx.commit().await.unwrap();
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
    let mut tx = store.begin().await.unwrap();
    let current = tx.operations_claim_due(after(10), after(70), 1).await.unwrap().remove(0);
    assert_eq!((current.epoch, current.lease_until), (2, after(70)));
    assert!(!tx.operation_finish(&old, &"answer", after(11)).await.unwrap());
    assert!(!tx.operation_leave_open(&old, Some(after(20))).await.unwrap());
    assert!(!tx.operation_leave_open(&old, None).await.unwrap());
    assert!(!tx.operation_delete(&old).await.unwrap());
    let stored = tx.operation(&old.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", stored.operation), format!("{current:?}"), "and nothing was changed");
    assert_eq!(tx.operation_answer::<String>(&stored).unwrap(), None);
    assert!(tx.operation_finish(&current, &"answer", after(11)).await.unwrap());
}

async fn what_is_done_stays_done(database: TestDatabase) {
    let store = database.store().await;
    let done = confirmation();
    save_operation(&store, &done).await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.operation_finish(&done, &"first", after(1)).await.unwrap());
    assert!(!tx.operation_finish(&done, &"second", after(1)).await.unwrap());
    assert!(!tx.operation_leave_open(&done, Some(after(2))).await.unwrap());
    assert!(!tx.operation_delete(&done).await.unwrap());
    let stored = tx.operation(&done.id).await.unwrap().unwrap();
    assert_eq!(tx.operation_answer::<String>(&stored).unwrap().as_deref(), Some("first"));
    assert!(tx.operations_claim_due(after(1_000_000), after(1_000_060), 9).await.unwrap().is_empty());
    assert!(tx.operations_claim_for(&done.subject_id, after(1_000_000), after(1_000_060)).await.unwrap().is_empty());
}

async fn an_operation_left_open_is_due_at_its_next_check(database: TestDatabase) {
    let store = database.store().await;
    let open = Operation { misses: 3, ..confirmation() };
    save_operation(&store, &open).await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.operation_leave_open(&open, Some(after(5))).await.unwrap());
    assert!(tx.operations_claim_due(after(4), after(64), 9).await.unwrap().is_empty());
    let claimed = tx.operations_claim_due(after(5), after(65), 9).await.unwrap().remove(0);
    assert_eq!((claimed.state, claimed.misses, claimed.epoch), (OperationState::InDoubt, 3, 2));
    assert!(tx.operation_leave_open(&claimed, None).await.unwrap());
    assert!(tx.operations_claim_due(after(1_000_000), after(1_000_060), 9).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert_eq!(state_of(&store, &open.id).await, OperationState::NeedsOperator);
}

async fn the_open_operations_on_a_payment_are_found(database: TestDatabase) {
    let store = database.store().await;
    let payment = PaymentIntentId::generate();
    let mut open = Vec::new();
    for state in OperationState::ALL {
        let written = Operation { state, ..operation(OperationKind::CreateRefund, "re_1", Some(&payment)) };
        save_operation(&store, &written).await;
        if state != OperationState::Done {
            open.push(written.id);
        }
    }
    save_operation(&store, &confirmation()).await;
    let found = store.begin().await.unwrap().operations_open(&payment).await.unwrap();
    assert_eq!(found.into_iter().map(|operation| operation.id).collect::<Vec<_>>(), open);
}
