//! Saved payment methods.

use corefy_gateway::{
    domain::{
        customer::Customer,
        ids::{Ids, PaymentMethodId},
        payment_method::PaymentMethod,
    },
    store::{Change, Conflict, Store, Tracked},
};

use super::objects::{
    acme, after, commit, conflict, customer, new_customer, new_method, other, payment_method, save_customer,
    save_method,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_payment_method_reads_back_for_its_partner_only,
    a_payment_method_of_corefy_s_is_known_once,
    a_payment_method_is_changed_and_taken_back,
    a_payment_method_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted,
    an_update_of_a_payment_method_has_to_raise_its_revision,
    payment_methods_are_listed_newest_first_for_their_customer,
    a_deleted_payment_method_is_read_but_not_listed,
];

fn known_as(upstream: &str, method: PaymentMethod) -> PaymentMethod {
    PaymentMethod { upstream_id: Some(upstream.to_owned()), ..method }
}

/// A customer that is stored.
async fn stored_customer(store: &Store) -> Customer {
    let customer = customer(acme(), None);
    save_customer(store, &customer).await;
    customer
}

async fn tracked(store: &Store, id: &PaymentMethodId) -> Tracked<PaymentMethod> {
    store.read().await.unwrap().payment_method_tracked(id).await.unwrap().unwrap()
}

async fn stored(store: &Store, id: &PaymentMethodId) -> Option<PaymentMethod> {
    store.read().await.unwrap().payment_method_any(id).await.unwrap()
}

/// Commits a change that does not fit, and checks that nothing of the commit was written.
async fn assert_stale(store: &Store, change: Tracked<PaymentMethod>) {
    let (before, companion) = (stored(store, &change.id).await, customer(acme(), None));
    let id = change.id.clone();
    let outcome = commit(store, [new_customer(&companion), Change::PaymentMethod(change)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(stored(store, &id).await, before);
    assert_eq!(store.read().await.unwrap().customer_any(&companion.id).await.unwrap(), None);
}

async fn a_payment_method_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    let card = known_as("pm_1", payment_method(&customer));
    let wallet = PaymentMethod { kind: "wallet".to_owned(), card: None, ..payment_method(&customer) };
    commit(&store, [new_customer(&customer), new_method(&card), new_method(&wallet)]).await.unwrap();
    let mut session = store.read().await.unwrap();
    for written in [card, wallet] {
        assert_eq!(session.payment_method(&acme(), &written.id).await.unwrap(), Some(written.clone()));
        assert_eq!(session.payment_method(&other(), &written.id).await.unwrap(), None);
        assert_eq!(session.payment_method_any(&written.id).await.unwrap(), Some(written));
    }
    assert_eq!(session.payment_method_any(&PaymentMethodId::generate(&Ids::system())).await.unwrap(), None);
}

async fn a_payment_method_of_corefy_s_is_known_once(database: TestDatabase) {
    let store = database.store().await;
    let customer = stored_customer(&store).await;
    let first = known_as("pm_1", payment_method(&customer));
    save_method(&store, &first).await;
    assert_stale(&store, Tracked::new(known_as("pm_1", payment_method(&customer)))).await;
    let without_id = [(); 2].map(|()| payment_method(&customer));
    for free in &without_id {
        save_method(&store, free).await;
    }
    let mut session = store.read().await.unwrap();
    let found = session.payment_method_upstream(&customer.id, "pm_1").await.unwrap();
    assert_eq!(found.map(Tracked::into_inner), Some(first));
    assert!(session.payment_method_upstream(&customer.id, "pm_2").await.unwrap().is_none());
}

async fn a_payment_method_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let customer = stored_customer(&store).await;
    let (written, bystander) = (payment_method(&customer), payment_method(&customer));
    save_method(&store, &written).await;
    save_method(&store, &bystander).await;
    let mut changed = tracked(&store, &written.id).await;
    (changed.upstream_id, changed.card) = (Some("pm_1".to_owned()), None);
    (changed.updated_at, changed.revision) = (after(5), 4);
    commit(&store, [Change::PaymentMethod(changed.clone())]).await.unwrap();
    assert_eq!(stored(&store, &written.id).await, Some(changed.into_inner()));
    // A method found by Corefy's id can be decided about as well.
    let found = store.read().await.unwrap().payment_method_upstream(&customer.id, "pm_1").await.unwrap();
    let mut gone = found.unwrap();
    gone.delete();
    commit(&store, [Change::PaymentMethod(gone)]).await.unwrap();
    assert_eq!(stored(&store, &written.id).await, None);
    assert_eq!(stored(&store, &bystander.id).await, Some(bystander));
}

async fn a_payment_method_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted(
    database: TestDatabase,
) {
    let store = database.store().await;
    let written = known_as("pm_1", payment_method(&stored_customer(&store).await));
    save_method(&store, &written).await;
    let by_id = tracked(&store, &written.id).await;
    let found = store.read().await.unwrap().payment_method_upstream(&written.customer_id, "pm_1").await.unwrap();
    let (mut update, mut deletion, mut first) = (by_id.clone(), found.unwrap(), by_id);
    (first.updated_at, first.revision) = (after(5), 4);
    (update.updated_at, update.revision) = (after(6), 9);
    deletion.delete();
    commit(&store, [Change::PaymentMethod(first)]).await.unwrap();
    for stale in [update.clone(), deletion.clone()] {
        assert_stale(&store, stale).await;
    }
    let mut last = tracked(&store, &written.id).await;
    last.delete();
    commit(&store, [Change::PaymentMethod(last)]).await.unwrap();
    for stale in [update, deletion] {
        assert_stale(&store, stale).await;
    }
}

async fn an_update_of_a_payment_method_has_to_raise_its_revision(database: TestDatabase) {
    let store = database.store().await;
    let written = payment_method(&stored_customer(&store).await);
    save_method(&store, &written).await;
    for revision in [written.revision, written.revision - 1] {
        let mut changed = tracked(&store, &written.id).await;
        (changed.updated_at, changed.revision) = (after(5), revision);
        assert_stale(&store, changed).await;
    }
}

async fn payment_methods_are_listed_newest_first_for_their_customer(database: TestDatabase) {
    let store = database.store().await;
    let (jane, joe) = (stored_customer(&store).await, stored_customer(&store).await);
    let [a, b, c] = [(); 3].map(|()| payment_method(&jane));
    let foreign = payment_method(&joe);
    for method in [&b, &foreign, &a, &c] {
        save_method(&store, method).await;
    }
    let mut session = store.read().await.unwrap();
    assert_eq!(session.payment_methods(&jane.id, None, 2).await.unwrap(), [c, b.clone()]);
    assert_eq!(session.payment_methods(&jane.id, Some(b.id.to_string()), 2).await.unwrap(), [a]);
    assert_eq!(session.payment_methods(&joe.id, None, 2).await.unwrap(), [foreign]);
}

async fn a_deleted_payment_method_is_read_but_not_listed(database: TestDatabase) {
    let store = database.store().await;
    let customer = stored_customer(&store).await;
    let (kept, written) = (payment_method(&customer), known_as("pm_1", payment_method(&customer)));
    save_method(&store, &kept).await;
    save_method(&store, &written).await;
    let mut deleted = tracked(&store, &written.id).await;
    deleted.forget(after(5));
    commit(&store, [Change::PaymentMethod(deleted.clone())]).await.unwrap();
    let deleted = deleted.into_inner();
    assert!(deleted.is_deleted() && deleted.card.is_none());
    assert_eq!(stored(&store, &written.id).await, Some(deleted.clone()));
    let mut session = store.read().await.unwrap();
    assert_eq!(session.payment_methods(&customer.id, None, 9).await.unwrap(), [kept]);
    let found = session.payment_method_upstream(&customer.id, "pm_1").await.unwrap();
    assert_eq!(found.map(Tracked::into_inner), Some(deleted), "Corefy shows it still, and it is known");
}
