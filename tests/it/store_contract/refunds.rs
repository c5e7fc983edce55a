//! Refunds.

use corefy_gateway::{
    domain::{
        clock::TimeRange,
        ids::{PaymentIntentId, RefundId},
        payment_intent::PaymentIntent,
        refund::{Refund, RefundState},
    },
    store::{Error, ListPosition, RefundFilter},
};

use super::objects::{acme, after, other, paid_intent, refund};
use crate::{on_both, support::database::TestDatabase};

on_both![
    a_refund_reads_back_for_its_partner_only,
    a_refund_s_reference_is_unique_within_its_partner,
    a_refund_is_changed_and_taken_back,
    a_refund_is_of_some_money_and_of_a_payment_that_exists,
    refunds_are_listed_newest_first_and_by_payment,
    the_refunds_of_one_payment_come_oldest_first,
];

async fn a_refund_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    let written = Refund { upstream_id: Some("rf_1".to_owned()), ..refund(&intent, Some("a")) };
    let mut tx = store.begin().await.unwrap();
    tx.payment_intent_insert(&intent).await.unwrap();
    assert!(tx.refund_insert(&written).await.unwrap());
    assert_eq!(tx.refund(&acme(), &written.id).await.unwrap(), Some(written.clone()));
    assert_eq!(tx.refund(&other(), &written.id).await.unwrap(), None);
    assert_eq!(tx.refund_any(&written.id).await.unwrap(), Some(written));
    assert_eq!(tx.refund_any(&RefundId::generate()).await.unwrap(), None);
}

async fn a_refund_s_reference_is_unique_within_its_partner(database: TestDatabase) {
    let store = database.store().await;
    let (ours, theirs) = (paid_intent(acme()), paid_intent(other()));
    let first = refund(&ours, Some("a"));
    let mut tx = store.begin().await.unwrap();
    tx.payment_intent_insert(&ours).await.unwrap();
    tx.payment_intent_insert(&theirs).await.unwrap();
    assert!(tx.refund_insert(&first).await.unwrap());
    assert!(!tx.refund_insert(&refund(&ours, Some("a"))).await.unwrap(), "taken");
    assert!(tx.refund_insert(&refund(&theirs, Some("a"))).await.unwrap(), "another partner's");
    assert!(tx.refund_insert(&refund(&ours, None)).await.unwrap());
    assert!(tx.refund_insert(&refund(&ours, None)).await.unwrap(), "no reference is free");
    assert_eq!(tx.refund_id_referenced(&acme(), "a").await.unwrap(), Some(first.id));
    assert_eq!(tx.refund_id_referenced(&acme(), "b").await.unwrap(), None);
}

async fn a_refund_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    let (mut changed, bystander) = (refund(&intent, None), refund(&intent, None));
    let mut tx = store.begin().await.unwrap();
    tx.payment_intent_insert(&intent).await.unwrap();
    tx.refund_insert(&changed).await.unwrap();
    tx.refund_insert(&bystander).await.unwrap();
    for state in RefundState::ALL {
        changed.state = state;
        (changed.upstream_id, changed.failure, changed.updated_at) = (Some("rf_1".to_owned()), None, after(5));
        tx.refund_update(&changed).await.unwrap();
        assert_eq!(tx.refund_any(&changed.id).await.unwrap(), Some(changed.clone()));
    }
    tx.refund_delete(&changed.id).await.unwrap();
    assert_eq!(tx.refund_any(&changed.id).await.unwrap(), None);
    assert_eq!(tx.refund_any(&bystander.id).await.unwrap(), Some(bystander));
}

async fn a_refund_is_of_some_money_and_of_a_payment_that_exists(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    let mut tx = store.begin().await.unwrap();
    tx.payment_intent_insert(&intent).await.unwrap();
    tx.commit().await.unwrap();
    let of_nothing = Refund { amount: intent.money(0), ..refund(&intent, None) };
    let of_no_payment = Refund { payment_intent_id: PaymentIntentId::generate(), ..refund(&intent, None) };
    for broken in [of_nothing, of_no_payment] {
        let error = store.begin().await.unwrap().refund_insert(&broken).await.unwrap_err();
        assert!(matches!(error, Error::RuleBroken(_)), "{error}");
    }
}

async fn refunds_are_listed_newest_first_and_by_payment(database: TestDatabase) {
    let store = database.store().await;
    let (one, two, theirs) = (paid_intent(acme()), paid_intent(acme()), paid_intent(other()));
    let [a, b, c] = [refund(&one, None), refund(&two, None), refund(&one, None)];
    let foreign = refund(&theirs, None);
    let mut tx = store.begin().await.unwrap();
    for intent in [&one, &two, &theirs] {
        tx.payment_intent_insert(intent).await.unwrap();
    }
    for refund in [&b, &foreign, &c, &a] {
        tx.refund_insert(refund).await.unwrap();
    }
    let all = RefundFilter::default();
    let of = |payment: &PaymentIntent| RefundFilter { payment_intent_id: Some(payment.id.clone()), ..all.clone() };
    assert_eq!(tx.refunds(&acme(), &all, None, 2).await.unwrap(), [c.clone(), b.clone()]);
    assert_eq!(
        tx.refunds(&acme(), &all, Some(ListPosition { created_at: b.created_at, id: b.id.to_string() }), 2)
            .await
            .unwrap(),
        std::slice::from_ref(&a)
    );
    assert_eq!(tx.refunds(&acme(), &of(&one), None, 9).await.unwrap(), [c.clone(), a.clone()]);
    assert_eq!(tx.refunds(&acme(), &of(&theirs), None, 9).await.unwrap(), []);
    assert_eq!(tx.refunds(&other(), &all, None, 9).await.unwrap(), [foreign]);

    let failed = Refund { state: RefundState::Failed, updated_at: after(10), ..b };
    tx.refund_update(&failed).await.unwrap();
    let in_states = |states: &[RefundState]| RefundFilter { states: states.to_vec(), ..all.clone() };
    let either = in_states(&[RefundState::Pending, RefundState::Failed]);
    assert_eq!(tx.refunds(&acme(), &either, None, 2).await.unwrap(), [c.clone(), failed.clone()]);
    assert_eq!(tx.refunds(&acme(), &in_states(&[RefundState::Pending]), None, 9).await.unwrap(), [c, a]);
    let since = RefundFilter { updated: TimeRange { from: Some(after(10)), before: Some(after(11)) }, ..all.clone() };
    assert_eq!(tx.refunds(&acme(), &since, None, 9).await.unwrap(), [failed]);
    let later = RefundFilter { created: TimeRange { from: Some(after(1)), before: None }, ..all };
    assert_eq!(tx.refunds(&acme(), &later, None, 9).await.unwrap(), []);
}

async fn the_refunds_of_one_payment_come_oldest_first(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (paid_intent(acme()), paid_intent(acme()));
    let [a, b, c] = [refund(&one, None), refund(&two, None), refund(&one, None)];
    let mut tx = store.begin().await.unwrap();
    tx.payment_intent_insert(&one).await.unwrap();
    tx.payment_intent_insert(&two).await.unwrap();
    for refund in [&c, &b, &a] {
        tx.refund_insert(refund).await.unwrap();
    }
    assert_eq!(tx.refunds_of(&one.id).await.unwrap(), [a, c]);
    assert_eq!(tx.refunds_of(&two.id).await.unwrap(), [b]);
}
