//! Customers.

use corefy_gateway::{
    domain::{
        customer::Customer,
        ids::{CustomerId, PartnerId},
    },
    store::CustomerFilter,
};

use super::objects::{acme, after, customer, other};
use crate::{on_both, support::database::TestDatabase};

on_both![
    a_customer_reads_back_for_its_partner_only,
    a_customer_s_reference_is_unique_within_its_partner,
    a_customer_is_changed_and_taken_back,
    customers_that_are_one_at_corefy_are_found_together,
    customers_are_listed_newest_first_page_by_page,
];

fn ids(customers: Vec<Customer>) -> Vec<CustomerId> {
    customers.into_iter().map(|customer| customer.id).collect()
}

async fn a_customer_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let written = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), Some("order-1")) };
    let mut tx = store.begin().await.unwrap();
    assert!(tx.customer_insert(&written).await.unwrap());
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    assert_eq!(session.customer(&acme(), &written.id).await.unwrap(), Some(written.clone()));
    assert_eq!(session.customer(&other(), &written.id).await.unwrap(), None);
    assert_eq!(session.customer_any(&written.id).await.unwrap(), Some(written));
    assert_eq!(session.customer_any(&CustomerId::generate()).await.unwrap(), None);
}

async fn a_customer_s_reference_is_unique_within_its_partner(database: TestDatabase) {
    let store = database.store().await;
    let first = customer(acme(), Some("a"));
    let mut tx = store.begin().await.unwrap();
    assert!(tx.customer_insert(&first).await.unwrap());
    assert!(!tx.customer_insert(&customer(acme(), Some("a"))).await.unwrap(), "taken");
    assert!(tx.customer_insert(&customer(other(), Some("a"))).await.unwrap(), "another partner's");
    assert!(tx.customer_insert(&customer(acme(), None)).await.unwrap());
    assert!(tx.customer_insert(&customer(acme(), None)).await.unwrap(), "no reference is free");
    assert_eq!(tx.customer_id_referenced(&acme(), "a").await.unwrap(), Some(first.id));
    assert_eq!(tx.customer_id_referenced(&acme(), "b").await.unwrap(), None);
    assert_eq!(tx.customer_id_referenced(&PartnerId::parse("third").unwrap(), "a").await.unwrap(), None);
}

async fn a_customer_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let mut changed = customer(acme(), Some("a"));
    let bystander = customer(acme(), None);
    let mut tx = store.begin().await.unwrap();
    tx.customer_insert(&changed).await.unwrap();
    tx.customer_insert(&bystander).await.unwrap();
    (changed.upstream_id, changed.updated_at) = (Some("cst_1".to_owned()), after(5));
    tx.customer_update(&changed).await.unwrap();
    assert_eq!(tx.customer_any(&changed.id).await.unwrap(), Some(changed.clone()));
    tx.customer_delete(&changed.id).await.unwrap();
    assert_eq!(tx.customer_any(&changed.id).await.unwrap(), None);
    assert_eq!(tx.customer_any(&bystander.id).await.unwrap(), Some(bystander));
    assert!(tx.customer_insert(&customer(acme(), Some("a"))).await.unwrap(), "the reference is free again");
}

async fn customers_that_are_one_at_corefy_are_found_together(database: TestDatabase) {
    let store = database.store().await;
    let first = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), None) };
    let second = Customer { upstream_id: Some("cst_1".to_owned()), ..customer(acme(), None) };
    let mut tx = store.begin().await.unwrap();
    assert!(tx.customer_insert(&second).await.unwrap());
    assert!(tx.customer_insert(&first).await.unwrap());
    let oldest = tx.customers_upstream("cst_1", 1).await.unwrap();
    assert_eq!(oldest, std::slice::from_ref(&first));
    assert_eq!(tx.customers_upstream("cst_1", 10).await.unwrap(), [first, second]);
    assert_eq!(tx.customers_upstream("cst_2", 10).await.unwrap(), []);
}

async fn customers_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, c] = ["a", "b", "c"].map(|reference| customer(acme(), Some(reference)));
    let foreign = customer(other(), Some("a"));
    let mut tx = store.begin().await.unwrap();
    for customer in [&b, &foreign, &a, &c] {
        assert!(tx.customer_insert(customer).await.unwrap());
    }
    let all = CustomerFilter::default();
    assert_eq!(ids(tx.customers(&acme(), &all, None, 2).await.unwrap()), [c.id.clone(), b.id.clone()]);
    assert_eq!(ids(tx.customers(&acme(), &all, Some(b.id.to_string()), 2).await.unwrap()), std::slice::from_ref(&a.id));
    let referenced = CustomerFilter { reference_id: Some("a".to_owned()) };
    assert_eq!(ids(tx.customers(&acme(), &referenced, None, 9).await.unwrap()), [a.id]);
    assert_eq!(ids(tx.customers(&other(), &all, None, 9).await.unwrap()), [foreign.id]);
}
