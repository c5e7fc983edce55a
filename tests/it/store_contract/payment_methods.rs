//! Saved payment methods.

use corefy_gateway::domain::{ids::PaymentMethodId, payment_method::PaymentMethod};

use super::objects::{acme, after, customer, other, payment_method};
use crate::{on_both, support::database::TestDatabase};

on_both![
    a_payment_method_reads_back_for_its_partner_only,
    a_payment_method_of_corefy_s_is_known_once,
    a_payment_method_is_changed_and_taken_back,
    payment_methods_are_listed_newest_first_for_their_customer,
];

fn known_as(upstream: &str, method: PaymentMethod) -> PaymentMethod {
    PaymentMethod { upstream_id: Some(upstream.to_owned()), ..method }
}

async fn a_payment_method_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    let card = known_as("pm_1", payment_method(&customer));
    let wallet = PaymentMethod { kind: "wallet".to_owned(), card: None, ..payment_method(&customer) };
    let mut tx = store.begin().await.unwrap();
    tx.customer_insert(&customer).await.unwrap();
    for written in [card, wallet] {
        assert!(tx.payment_method_insert(&written).await.unwrap());
        assert_eq!(tx.payment_method(&acme(), &written.id).await.unwrap(), Some(written.clone()));
        assert_eq!(tx.payment_method(&other(), &written.id).await.unwrap(), None);
        assert_eq!(tx.payment_method_any(&written.id).await.unwrap(), Some(written));
    }
    assert_eq!(tx.payment_method_any(&PaymentMethodId::generate()).await.unwrap(), None);
}

async fn a_payment_method_of_corefy_s_is_known_once(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    let first = known_as("pm_1", payment_method(&customer));
    let mut tx = store.begin().await.unwrap();
    tx.customer_insert(&customer).await.unwrap();
    assert!(tx.payment_method_insert(&first).await.unwrap());
    assert!(!tx.payment_method_insert(&known_as("pm_1", payment_method(&customer))).await.unwrap());
    assert!(tx.payment_method_insert(&payment_method(&customer)).await.unwrap());
    assert!(tx.payment_method_insert(&payment_method(&customer)).await.unwrap(), "no id is free");
    assert_eq!(tx.payment_method_upstream(&customer.id, "pm_1").await.unwrap(), Some(first));
    assert_eq!(tx.payment_method_upstream(&customer.id, "pm_2").await.unwrap(), None);
}

async fn a_payment_method_is_changed_and_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    let mut changed = payment_method(&customer);
    let bystander = payment_method(&customer);
    let mut tx = store.begin().await.unwrap();
    tx.customer_insert(&customer).await.unwrap();
    tx.payment_method_insert(&changed).await.unwrap();
    tx.payment_method_insert(&bystander).await.unwrap();
    (changed.upstream_id, changed.card, changed.updated_at) = (Some("pm_1".to_owned()), None, after(5));
    tx.payment_method_update(&changed).await.unwrap();
    assert_eq!(tx.payment_method_any(&changed.id).await.unwrap(), Some(changed.clone()));
    tx.payment_method_delete(&changed.id).await.unwrap();
    assert_eq!(tx.payment_method_any(&changed.id).await.unwrap(), None);
    assert_eq!(tx.payment_method_any(&bystander.id).await.unwrap(), Some(bystander));
}

async fn payment_methods_are_listed_newest_first_for_their_customer(database: TestDatabase) {
    let store = database.store().await;
    let (jane, joe) = (customer(acme(), None), customer(acme(), None));
    let [a, b, c] = [(); 3].map(|()| payment_method(&jane));
    let foreign = payment_method(&joe);
    let mut tx = store.begin().await.unwrap();
    tx.customer_insert(&jane).await.unwrap();
    tx.customer_insert(&joe).await.unwrap();
    for method in [&b, &foreign, &a, &c] {
        assert!(tx.payment_method_insert(method).await.unwrap());
    }
    assert_eq!(tx.payment_methods(&jane.id, None, 2).await.unwrap(), [c, b.clone()]);
    assert_eq!(tx.payment_methods(&jane.id, Some(b.id.to_string()), 2).await.unwrap(), [a]);
    assert_eq!(tx.payment_methods(&joe.id, None, 2).await.unwrap(), [foreign]);
}
