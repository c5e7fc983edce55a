//! Refunds.

use corefy_gateway::{
    domain::{
        clock::TimeRange,
        ids::{Ids, PartnerId, PaymentIntentId, RefundId},
        list_filters::RefundFilter,
        payment_intent::PaymentIntent,
        refund::{Refund, RefundState},
    },
    store::{Change, Conflict, ListPosition, Store, Tracked},
};

use super::objects::{
    acme, after, broken_rule, commit, conflict, new_intent, new_refund, other, paid_intent, payment_intent, refund,
    save_intent, save_refund,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_refund_reads_back_for_its_partner_only,
    a_refund_s_reference_is_unique_within_its_partner,
    a_refund_is_changed_and_taken_back,
    a_refund_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted,
    an_update_of_a_refund_has_to_raise_its_revision,
    a_refund_is_of_some_money_and_of_a_payment_that_exists,
    refunds_are_listed_newest_first_and_by_payment,
    the_refunds_of_one_payment_come_oldest_first,
];

/// A paid intent that is stored.
async fn stored_intent(store: &Store, partner: PartnerId) -> PaymentIntent {
    let intent = paid_intent(partner);
    save_intent(store, &intent).await;
    intent
}

async fn tracked(store: &Store, refund: &Refund) -> Tracked<Refund> {
    let refunds = store.read().await.unwrap().refunds_of(&refund.payment_intent_id).await.unwrap();
    refunds.into_iter().find(|found| found.id == refund.id).unwrap()
}

async fn stored(store: &Store, id: &RefundId) -> Option<Refund> {
    store.read().await.unwrap().refund_any(id).await.unwrap()
}

/// Leaves a stored refund as this one is.
async fn update(store: &Store, refund: &Refund) {
    let mut changed = tracked(store, refund).await;
    *changed = refund.clone();
    commit(store, [Change::Refund(changed)]).await.unwrap();
}

/// Commits a change that is stale, and checks that nothing of the commit was written.
async fn assert_stale(store: &Store, change: Tracked<Refund>) {
    let (before, companion) = (stored(store, &change.id).await, payment_intent(acme(), None));
    let id = change.id.clone();
    let outcome = commit(store, [new_intent(&companion), Change::Refund(change)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(stored(store, &id).await, before);
    assert_eq!(store.payment_intent(&acme(), &companion.id).await.unwrap(), None);
}

async fn a_refund_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    let written = Refund { upstream_id: Some("rf_1".to_owned()), ..refund(&intent, Some("a")) };
    commit(&store, [new_refund(&written), new_intent(&intent)]).await.unwrap();
    let mut session = store.read().await.unwrap();
    assert_eq!(session.refund(&acme(), &written.id).await.unwrap(), Some(written.clone()));
    assert_eq!(session.refund(&other(), &written.id).await.unwrap(), None);
    assert_eq!(session.refund_any(&written.id).await.unwrap(), Some(written));
    assert_eq!(session.refund_any(&RefundId::generate(&Ids::system())).await.unwrap(), None);
}

async fn a_refund_s_reference_is_unique_within_its_partner(database: TestDatabase) {
    let store = database.store().await;
    let (ours, theirs) = (stored_intent(&store, acme()).await, stored_intent(&store, other()).await);
    let (first, second) = (refund(&ours, Some("a")), refund(&ours, Some("a")));
    save_refund(&store, &first).await;
    assert_eq!(conflict(commit(&store, [new_refund(&second)]).await), Conflict::ReferenceTaken);
    assert_eq!(stored(&store, &second.id).await, None);
    for free in [refund(&theirs, Some("a")), refund(&ours, None), refund(&ours, None)] {
        save_refund(&store, &free).await;
    }
    let mut session = store.read().await.unwrap();
    assert_eq!(session.refund_id_referenced(&acme(), "a").await.unwrap(), Some(first.id));
    assert_eq!(session.refund_id_referenced(&acme(), "b").await.unwrap(), None);
}

async fn a_refund_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let intent = stored_intent(&store, acme()).await;
    let (mut changed, bystander) = (refund(&intent, None), refund(&intent, None));
    save_refund(&store, &changed).await;
    save_refund(&store, &bystander).await;
    for state in RefundState::ALL {
        (changed.state, changed.failure, changed.updated_at) = (state, None, after(5));
        (changed.upstream_id, changed.revision) = (Some("rf_1".to_owned()), changed.revision + 1);
        update(&store, &changed).await;
        assert_eq!(stored(&store, &changed.id).await, Some(changed.clone()));
    }
    let mut gone = tracked(&store, &changed).await;
    gone.delete();
    commit(&store, [Change::Refund(gone)]).await.unwrap();
    assert_eq!(stored(&store, &changed.id).await, None);
    assert_eq!(stored(&store, &bystander.id).await, Some(bystander));
}

async fn a_refund_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted(database: TestDatabase) {
    let store = database.store().await;
    let written = refund(&stored_intent(&store, acme()).await, None);
    save_refund(&store, &written).await;
    let read = tracked(&store, &written).await;
    let [mut first, mut update, mut deletion] = [(); 3].map(|()| read.clone());
    (first.state, first.revision) = (RefundState::Succeeded, 4);
    (update.state, update.revision) = (RefundState::Failed, 9);
    deletion.delete();
    commit(&store, [Change::Refund(first)]).await.unwrap();
    for stale in [update.clone(), deletion.clone()] {
        assert_stale(&store, stale).await;
    }
    let mut last = tracked(&store, &written).await;
    last.delete();
    commit(&store, [Change::Refund(last)]).await.unwrap();
    for stale in [update, deletion] {
        assert_stale(&store, stale).await;
    }
}

async fn an_update_of_a_refund_has_to_raise_its_revision(database: TestDatabase) {
    let store = database.store().await;
    let written = refund(&stored_intent(&store, acme()).await, None);
    save_refund(&store, &written).await;
    for revision in [written.revision, written.revision - 1] {
        let mut changed = tracked(&store, &written).await;
        (changed.state, changed.revision) = (RefundState::Succeeded, revision);
        assert_stale(&store, changed).await;
    }
}

async fn a_refund_is_of_some_money_and_of_a_payment_that_exists(database: TestDatabase) {
    let store = database.store().await;
    let intent = stored_intent(&store, acme()).await;
    let of_nothing = Refund { amount: intent.money(0), ..refund(&intent, None) };
    let of_no_payment =
        Refund { payment_intent_id: PaymentIntentId::generate(&Ids::system()), ..refund(&intent, None) };
    for broken in [of_nothing, of_no_payment] {
        broken_rule(commit(&store, [new_refund(&broken)]).await);
        assert_eq!(stored(&store, &broken.id).await, None);
    }
}

async fn refunds_are_listed_newest_first_and_by_payment(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (stored_intent(&store, acme()).await, stored_intent(&store, acme()).await);
    let theirs = stored_intent(&store, other()).await;
    let [a, b, c] = [refund(&one, None), refund(&two, None), refund(&one, None)];
    let foreign = refund(&theirs, None);
    for refund in [&b, &foreign, &c, &a] {
        save_refund(&store, refund).await;
    }
    let mut session = store.read().await.unwrap();
    let all = RefundFilter::default();
    let of = |payment: &PaymentIntent| RefundFilter { payment_intent_id: Some(payment.id.clone()), ..all.clone() };
    assert_eq!(session.refunds(&acme(), &all, None, 2).await.unwrap().items, [c.clone(), b.clone()]);
    assert_eq!(
        session
            .refunds(&acme(), &all, Some(ListPosition { moment: b.created_at, id: b.id.to_string() }), 2)
            .await
            .unwrap()
            .items,
        std::slice::from_ref(&a)
    );
    assert_eq!(session.refunds(&acme(), &of(&one), None, 9).await.unwrap().items, [c.clone(), a.clone()]);
    assert_eq!(session.refunds(&acme(), &of(&theirs), None, 9).await.unwrap().items, []);
    assert_eq!(session.refunds(&other(), &all, None, 9).await.unwrap().items, [foreign]);

    let failed = Refund { state: RefundState::Failed, updated_at: after(10), revision: 4, ..b };
    update(&store, &failed).await;
    let in_states = |states: &[RefundState]| RefundFilter { states: states.to_vec(), ..all.clone() };
    let either = in_states(&[RefundState::Pending, RefundState::Failed]);
    assert_eq!(session.refunds(&acme(), &either, None, 2).await.unwrap().items, [c.clone(), failed.clone()]);
    assert_eq!(session.refunds(&acme(), &in_states(&[RefundState::Pending]), None, 9).await.unwrap().items, [c, a]);
    let since = RefundFilter { updated: TimeRange { from: Some(after(10)), before: Some(after(11)) }, ..all.clone() };
    assert_eq!(session.refunds(&acme(), &since, None, 9).await.unwrap().items, [failed]);
    let later = RefundFilter { created: TimeRange { from: Some(after(1)), before: None }, ..all };
    assert_eq!(session.refunds(&acme(), &later, None, 9).await.unwrap().items, []);
}

async fn the_refunds_of_one_payment_come_oldest_first(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (stored_intent(&store, acme()).await, stored_intent(&store, acme()).await);
    let [a, b, c] = [refund(&one, None), refund(&two, None), refund(&one, None)];
    for refund in [&c, &b, &a] {
        save_refund(&store, refund).await;
    }
    let refunds_of = async |intent: &PaymentIntent| {
        let found = store.read().await.unwrap().refunds_of(&intent.id).await.unwrap();
        found.into_iter().map(Tracked::into_inner).collect::<Vec<_>>()
    };
    assert_eq!(refunds_of(&one).await, [a, c]);
    assert_eq!(refunds_of(&two).await, [b]);
}
