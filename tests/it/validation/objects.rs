//! The rules of refunds, customers and payment methods.

use corefy_gateway::pb::{self, create_payment_method_request::Details};

use super::rules::{
    EMAILS, NO_COUNTRIES, NO_EMAILS, NO_PHONES, PHONES, at, bounded, judge, prose, reference, rule, words,
};
use crate::support::{
    app::TestApp,
    client::{keyed, new_key},
    database::TestDatabase,
    refusal::wrong_fields,
    requests::{card_of, card_to_save, full_customer, wallet},
};

crate::on_both!(
    a_refund_s_fields_follow_their_rules,
    a_customer_s_fields_follow_their_rules,
    a_payment_method_s_fields_follow_their_rules,
);

/// Among them the empty one: an unset variable must not refund everything.
const REFUND_AMOUNTS_REFUSED: [&str; 8] = ["", "0", "-1", "1.001", "all", "1,5", "1e3", " 1"];

async fn a_refund_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreateRefundRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    let base = R { payment_id: paid.id, amount: Some("0.01".to_owned()), ..Default::default() };
    let rules = vec![
        rule("amount", |r: &mut R, v| r.amount = Some(v), &["1", "0.01"], &REFUND_AMOUNTS_REFUSED),
        prose("reason", |r, v| r.reason = v, 255),
        reference(|r, v| r.reference_id = v),
        prose("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
    ];
    judge(base, rules, async |request| client.create_refund(keyed(&new_key(), request)).await.map(|_| ())).await;
}

async fn a_customer_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreateCustomerRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let emails = [&NO_EMAILS[..], &[""]].concat();
    let rules = vec![
        rule("email", |r: &mut R, v| r.email = v, &EMAILS, &emails),
        rule("phone", |r, v| r.phone = v, &PHONES, &NO_PHONES),
        words("name", |r, v| r.name = v, 100),
        reference(|r, v| r.reference_id = v),
        rule("address.country", |r, v| at(&mut r.address).country = v, &["", "DE"], &NO_COUNTRIES),
        words("address.line2", |r, v| at(&mut r.address).line2 = v, 100),
        words("address.city", |r, v| at(&mut r.address).city = v, 50),
        words("address.state", |r, v| at(&mut r.address).state = v, 50),
        words("address.postal_code", |r, v| at(&mut r.address).postal_code = v, 20),
        prose("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
    ];
    let base = R { reference_id: String::new(), ..full_customer() };
    judge(base, rules, async |request| client.create_customer(request).await.map(|_| ())).await;
}

async fn a_payment_method_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreatePaymentMethodRequest;
    fn other(request: &mut R) -> &mut pb::OtherMethod {
        match &mut request.details {
            Some(Details::Other(other)) => other,
            _ => panic!("no other method"),
        }
    }
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let send = async |request| client.create_payment_method(request).await.map(|_| ());
    let customer = client.customer("jane@example.com").await;
    let rules = vec![
        rule("card.number", |r: &mut R, v| card_of(r).number = v, &["4111 1111 1111 1111"], &["", "4111111111111112"]),
        rule("card.expiry_month", |r, v| card_of(r).expiry_month = v.parse().unwrap(), &["1"], &["0", "13"]),
        rule("card.expiry_year", |r, v| card_of(r).expiry_year = v.parse().unwrap(), &["2026"], &["2025", "40"]),
        words("card.holder_name", |r, v| card_of(r).holder_name = v, 100),
    ];
    judge(card_to_save(&customer), rules, send).await;

    let paypal = wallet(&customer, "paypal");
    let rules = vec![
        rule(
            "other.fields",
            |r: &mut R, v| drop(other(r).fields.insert(v, String::new())),
            &["name"],
            &["", &"k".repeat(41)],
        ),
        bounded("other.fields[\"account\"]", |r, v| drop(other(r).fields.insert("account".to_owned(), v)), 500),
        rule("other.payment_method_type", |r, v| other(r).payment_method_type = v, &["voucher"], &["", "card", "Qr"]),
    ];
    judge(paypal.clone(), rules, send).await;
    assert_eq!(wrong_fields(send(R { details: None, ..paypal }).await), ["card"]);
}
