//! The filters of lists that find what is sealed, and those that no one index answers.

use std::time::Duration;

use corefy_gateway::pb;

use crate::{
    on_both,
    support::{
        app::TestApp,
        client::{APPROVED, Client},
        database::TestDatabase,
        refusal::wrong_fields,
        requests::{full_customer, full_intent},
    },
};

on_both![
    an_intent_is_found_by_what_is_sealed_in_it,
    an_intent_is_found_by_how_it_stands,
    intents_are_found_by_the_beginning_of_their_references,
    refunds_and_customers_are_found_by_what_is_sealed_in_them,
    a_page_token_is_bound_to_what_is_looked_for,
];

/// A card whose attempts are declined.
const DECLINED: &str = "4000000000009995";

fn filter() -> pb::ListPaymentIntentsRequest {
    pb::ListPaymentIntentsRequest::default()
}

/// The ids of the intents that a list shows.
async fn ids(client: &Client, request: pb::ListPaymentIntentsRequest) -> Vec<String> {
    client.intents(request).await.unwrap().payment_intents.into_iter().map(|intent| intent.id).collect()
}

async fn an_intent_is_found_by_what_is_sealed_in_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let stranger = app.client_of(|key| key.partner_name = "Other".to_owned()).await;
    let hers = client.created(full_intent()).await;
    client.intent("10").await;
    stranger.created(full_intent()).await;
    client.confirm(&hers.id, DECLINED).await.unwrap();

    let entry = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let by_email = |email: &str| pb::ListPaymentIntentsRequest { customer_email: email.to_owned(), ..filter() };
    let by_card = |last4: &str| pb::ListPaymentIntentsRequest {
        card_first6: DECLINED[..6].to_owned(),
        card_last4: last4.to_owned(),
        ..filter()
    };
    let code = client.get(&hers.id).await.last_payment_error.unwrap().code;
    for request in [
        by_email("jane@example.com"),
        by_email("JANE@Example.Com"),
        by_card("9995"),
        pb::ListPaymentIntentsRequest { metadata: entry("order", "7"), ..filter() },
        pb::ListPaymentIntentsRequest {
            metadata: entry("note", ""),
            customer_email: "jane@example.com".to_owned(),
            ..filter()
        },
        pb::ListPaymentIntentsRequest { decline_code: code.clone(), ..filter() },
        pb::ListPaymentIntentsRequest { payment_method_type: "card".to_owned(), decline_code: code, ..filter() },
    ] {
        assert_eq!(ids(&client, request.clone()).await, [hers.id.as_str()], "{request:?}");
    }
    for request in [
        by_email("jane+7@example.com"),
        by_card("1111"),
        pb::ListPaymentIntentsRequest { metadata: entry("order", "8"), ..filter() },
        pb::ListPaymentIntentsRequest { metadata: entry("7", "order"), ..filter() },
        pb::ListPaymentIntentsRequest { payment_method_type: "wallet".to_owned(), ..filter() },
    ] {
        assert!(ids(&client, request.clone()).await.is_empty(), "{request:?}");
    }

    // It is found by the card that was tried last, and by no decline any more.
    client.confirm(&hers.id, APPROVED).await.unwrap();
    assert!(ids(&client, by_card("9995")).await.is_empty());
    let (card_first6, card_last4) = (APPROVED[..6].to_owned(), APPROVED[12..].to_owned());
    assert_eq!(ids(&client, pb::ListPaymentIntentsRequest { card_first6, card_last4, ..filter() }).await, [hers.id]);
}

async fn an_intent_is_found_by_how_it_stands(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let small = client.intent("10.00").await;
    let refunded = client.paid_intent("20.00").await;
    client.refund(&refunded.id, "1.00").await.unwrap();
    let paid = client.paid_intent("30.00").await;
    let of = |from: &str, to: &str| pb::ListPaymentIntentsRequest {
        currency: "USD".to_owned(),
        amount_from: from.to_owned(),
        amount_to: to.to_owned(),
        ..filter()
    };
    assert_eq!(ids(&client, of("10", "20")).await, [refunded.id.as_str(), small.id.as_str()]);
    assert_eq!(ids(&client, of("20.01", "")).await, [paid.id.as_str()]);
    assert!(ids(&client, pb::ListPaymentIntentsRequest { currency: "EUR".to_owned(), ..filter() }).await.is_empty());
    let with = |has_refunds| pb::ListPaymentIntentsRequest { has_refunds: Some(has_refunds), ..filter() };
    assert_eq!(ids(&client, with(true)).await, [refunded.id.as_str()]);
    assert_eq!(ids(&client, with(false)).await, [paid.id.as_str(), small.id.as_str()]);
    let unknown = pb::ListPaymentIntentsRequest { outcome_unknown: true, ..filter() };
    assert!(ids(&client, unknown).await.is_empty());
    let unpriced = pb::ListPaymentIntentsRequest { amount_from: "1".to_owned(), ..filter() };
    assert_eq!(wrong_fields(client.intents(unpriced).await), ["currency"]);
    let half = pb::ListPaymentIntentsRequest { card_last4: "1111".to_owned(), ..filter() };
    assert_eq!(wrong_fields(client.intents(half).await), ["card_first6"]);
}

async fn intents_are_found_by_the_beginning_of_their_references(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for reference in ["order-2", "order-10", "cart-1", "order-1", "order-3"] {
        client.created(pb::CreatePaymentIntentRequest { reference_id: reference.to_owned(), ..full_intent() }).await;
        app.clock.advance(Duration::from_secs(1));
    }
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPaymentIntentsRequest {
            reference_prefix: "order-".to_owned(),
            page_size: 2,
            page_token,
            ..filter()
        };
        let page = client.intents(request).await.unwrap();
        listed.extend(page.payment_intents.into_iter().map(|intent| intent.reference_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ["order-1", "order-10", "order-2", "order-3"]);
}

async fn refunds_and_customers_are_found_by_what_is_sealed_in_them(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let jane = client.create_customer(full_customer()).await.unwrap().into_inner().customer.unwrap();
    client.customer("joe@example.com").await;
    let customers = async |request: pb::ListCustomersRequest| {
        let found = client.list_customers(request).await.unwrap().into_inner().customers;
        found.into_iter().map(|customer| customer.id).collect::<Vec<_>>()
    };
    let by_email = |email: &str| pb::ListCustomersRequest { email: email.to_owned(), ..Default::default() };
    assert_eq!(customers(by_email("Jane@example.com")).await, [jane.id.as_str()]);
    let metadata = [("tier".to_owned(), "gold".to_owned())].into();
    assert_eq!(customers(pb::ListCustomersRequest { metadata, ..Default::default() }).await, [jane.id.as_str()]);
    let reference_prefix = "customer".to_owned();
    assert_eq!(
        customers(pb::ListCustomersRequest { reference_prefix, ..Default::default() }).await,
        [jane.id.as_str()]
    );

    // Found by the address that it has now.
    let changed = pb::UpdateCustomerRequest {
        id: jane.id.clone(),
        email: "jane.roe@example.com".to_owned(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["email".to_owned()] }),
        ..Default::default()
    };
    client.update_customer(changed).await.unwrap();
    assert!(customers(by_email("jane@example.com")).await.is_empty());
    assert_eq!(customers(by_email("jane.roe@example.com")).await, [jane.id.as_str()]);

    let paid = client.paid_intent("30.00").await;
    let order = |value: &str| [("order".to_owned(), value.to_owned())].into();
    for (reference, amount) in [("back-1", "1.00"), ("back-2", "2.00")] {
        let request = pb::CreateRefundRequest {
            payment_id: paid.id.clone(),
            amount: Some(amount.to_owned()),
            reference_id: reference.to_owned(),
            metadata: order(reference),
            ..Default::default()
        };
        client.create_refund(request).await.unwrap();
    }
    let refunds = async |request: pb::ListRefundsRequest| {
        let found = client.list_refunds(request).await.unwrap().into_inner().refunds;
        found.into_iter().map(|refund| refund.reference_id).collect::<Vec<_>>()
    };
    let all = pb::ListRefundsRequest::default;
    assert_eq!(refunds(pb::ListRefundsRequest { metadata: order("back-2"), ..all() }).await, ["back-2"]);
    assert_eq!(
        refunds(pb::ListRefundsRequest { reference_prefix: "back".to_owned(), ..all() }).await,
        ["back-1", "back-2"]
    );
    assert_eq!(refunds(pb::ListRefundsRequest { reference_id: "back-1".to_owned(), ..all() }).await, ["back-1"]);
    let (currency, amount_from) = ("USD".to_owned(), "2".to_owned());
    assert_eq!(refunds(pb::ListRefundsRequest { currency, amount_from, ..all() }).await, ["back-2"]);
}

async fn a_page_token_is_bound_to_what_is_looked_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for reference in ["a", "b", "c"] {
        client.created(pb::CreatePaymentIntentRequest { reference_id: reference.to_owned(), ..full_intent() }).await;
    }
    let of = |email: &str, page_token: &str| pb::ListPaymentIntentsRequest {
        customer_email: email.to_owned(),
        page_size: 1,
        page_token: page_token.to_owned(),
        ..filter()
    };
    let first = client.intents(of("jane@example.com", "")).await.unwrap();
    let token = first.next_page_token;
    assert_eq!(client.intents(of("JANE@example.com", &token)).await.unwrap().payment_intents[0].reference_id, "b");
    assert_eq!(wrong_fields(client.intents(of("joe@example.com", &token)).await), ["page_token"]);
}
