//! Customers.

use corefy_gateway::{
    domain::{
        customer::Customer,
        ids::{CustomerId, Ids, PartnerId},
        list_filters::CustomerFilter,
    },
    store::{Change, Conflict, ListPosition, Store, Tracked},
};

use super::objects::{acme, after, commit, conflict, customer, new_customer, other, save_customer};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_customer_reads_back_for_its_partner_only,
    a_customer_s_reference_is_unique_within_its_partner,
    a_customer_is_changed_and_taken_back,
    a_customer_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted,
    an_update_of_a_customer_has_to_raise_its_revision,
    customers_that_are_one_at_corefy_are_found_together,
    customers_are_listed_newest_first_page_by_page,
];

fn ids(customers: Vec<Customer>) -> Vec<CustomerId> {
    customers.into_iter().map(|customer| customer.id).collect()
}

async fn tracked(store: &Store, id: &CustomerId) -> Tracked<Customer> {
    store.read().await.unwrap().customer_tracked(id).await.unwrap().unwrap()
}

async fn stored(store: &Store, id: &CustomerId) -> Option<Customer> {
    store.read().await.unwrap().customer_any(id).await.unwrap()
}

/// Commits a change that is stale, and checks that nothing of the commit was written.
async fn assert_stale(store: &Store, change: Tracked<Customer>) {
    let (before, companion) = (stored(store, &change.id).await, customer(acme(), None));
    let id = change.id.clone();
    let outcome = commit(store, [new_customer(&companion), Change::Customer(change)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(stored(store, &id).await, before);
    assert_eq!(stored(store, &companion.id).await, None);
}

async fn a_customer_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let written = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), Some("order-1")) };
    save_customer(&store, &written).await;
    let mut session = store.read().await.unwrap();
    assert_eq!(session.customer(&acme(), &written.id).await.unwrap(), Some(written.clone()));
    assert_eq!(session.customer(&other(), &written.id).await.unwrap(), None);
    assert_eq!(session.customer_any(&written.id).await.unwrap(), Some(written));
    assert_eq!(session.customer_any(&CustomerId::generate(&Ids::system())).await.unwrap(), None);
}

async fn a_customer_s_reference_is_unique_within_its_partner(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (customer(acme(), Some("a")), customer(acme(), Some("a")));
    save_customer(&store, &first).await;
    assert_eq!(conflict(commit(&store, [new_customer(&second)]).await), Conflict::ReferenceTaken);
    assert_eq!(stored(&store, &second.id).await, None);
    save_customer(&store, &customer(other(), Some("a"))).await;
    let without_reference = [(); 2].map(|()| customer(acme(), None));
    for free in &without_reference {
        save_customer(&store, free).await;
    }
    let mut session = store.read().await.unwrap();
    assert_eq!(session.customer_id_referenced(&acme(), "a").await.unwrap(), Some(first.id));
    assert_eq!(session.customer_id_referenced(&acme(), "b").await.unwrap(), None);
    assert_eq!(session.customer_id_referenced(&PartnerId::parse("third").unwrap(), "a").await.unwrap(), None);
}

async fn a_customer_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let (written, bystander) = (customer(acme(), Some("a")), customer(acme(), None));
    save_customer(&store, &written).await;
    save_customer(&store, &bystander).await;
    let mut changed = tracked(&store, &written.id).await;
    (changed.upstream_id, changed.updated_at, changed.revision) = (Some("cst_1".to_owned()), after(5), 4);
    commit(&store, [Change::Customer(changed.clone())]).await.unwrap();
    assert_eq!(stored(&store, &written.id).await, Some(changed.into_inner()));
    let mut gone = tracked(&store, &written.id).await;
    gone.delete();
    commit(&store, [Change::Customer(gone)]).await.unwrap();
    assert_eq!(stored(&store, &written.id).await, None);
    assert_eq!(stored(&store, &bystander.id).await, Some(bystander));
    // The reference is free again.
    save_customer(&store, &customer(acme(), Some("a"))).await;
}

async fn a_customer_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted(database: TestDatabase) {
    let store = database.store().await;
    let written = customer(acme(), None);
    save_customer(&store, &written).await;
    let read = tracked(&store, &written.id).await;
    let [mut first, mut update, mut deletion] = [(); 3].map(|()| read.clone());
    (first.updated_at, first.revision) = (after(5), 4);
    (update.updated_at, update.revision) = (after(6), 9);
    deletion.delete();
    commit(&store, [Change::Customer(first)]).await.unwrap();
    for stale in [update.clone(), deletion.clone()] {
        assert_stale(&store, stale).await;
    }
    let mut last = tracked(&store, &written.id).await;
    last.delete();
    commit(&store, [Change::Customer(last)]).await.unwrap();
    for stale in [update, deletion] {
        assert_stale(&store, stale).await;
    }
}

async fn an_update_of_a_customer_has_to_raise_its_revision(database: TestDatabase) {
    let store = database.store().await;
    let written = customer(acme(), None);
    save_customer(&store, &written).await;
    for revision in [written.revision, written.revision - 1] {
        let mut changed = tracked(&store, &written.id).await;
        (changed.updated_at, changed.revision) = (after(5), revision);
        assert_stale(&store, changed).await;
    }
}

async fn customers_that_are_one_at_corefy_are_found_together(database: TestDatabase) {
    let store = database.store().await;
    let first = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), None) };
    let second = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), None) };
    save_customer(&store, &second).await;
    save_customer(&store, &first).await;
    let mut session = store.read().await.unwrap();
    let oldest = session.customers_upstream("cst_1", 1).await.unwrap();
    assert_eq!(oldest, std::slice::from_ref(&first));
    assert_eq!(session.customers_upstream("cst_1", 10).await.unwrap(), [first, second]);
    assert_eq!(session.customers_upstream("cst_2", 10).await.unwrap(), []);
}

async fn customers_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, c] = ["a", "b", "c"].map(|reference| customer(acme(), Some(reference)));
    let foreign = customer(other(), Some("a"));
    for customer in [&b, &foreign, &a, &c] {
        save_customer(&store, customer).await;
    }
    let mut session = store.read().await.unwrap();
    let all = CustomerFilter::default();
    let position = ListPosition { moment: b.created_at, id: b.id.to_string() };
    assert_eq!(ids(session.customers(&acme(), &all, None, 2).await.unwrap().items), [c.id.clone(), b.id.clone()]);
    assert_eq!(
        ids(session.customers(&acme(), &all, Some(position), 2).await.unwrap().items),
        std::slice::from_ref(&a.id)
    );
    let referenced = CustomerFilter { reference_id: Some("a".to_owned()), ..CustomerFilter::default() };
    assert_eq!(ids(session.customers(&acme(), &referenced, None, 9).await.unwrap().items), [a.id]);
    assert_eq!(ids(session.customers(&other(), &all, None, 9).await.unwrap().items), [foreign.id]);
}
