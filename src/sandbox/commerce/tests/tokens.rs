//! Saved cards.

use serde_json::{Value, json};

use super::{APPROVED, ASKED_BY_BANK, INVOICES, invoice, state};
use crate::sandbox::tests::Bench;

/// A token of a card that customer `cus_1` has paid with.
async fn saved(bench: &Bench, number: &str) -> String {
    let tokenize = json!({"cardgate": {"tokenize": true}});
    let made = bench.invoice(json!({"customer": {"reference_id": "cus_1"}, "gateway_options": tokenize})).await;
    bench.sell(&made, number, ("12", "30")).await.unwrap();
    if number == ASKED_BY_BANK {
        bench.sandbox.complete_action(made["id"].as_str().unwrap(), true).unwrap();
    }
    let shown = bench.shown(&made).await;
    shown["attributes"]["payload"]["token"].as_str().unwrap().to_owned()
}

fn with_token(reference: &str, token: &str, customer: &str, instant: bool) -> Value {
    json!({
        "reference_id": reference, "token": token, "customer": {"reference_id": customer},
        "gateway_options": {"cardgate": {"instant": instant}},
    })
}

#[tokio::test]
async fn a_card_is_saved_only_when_asked_for_and_for_a_customer() {
    let bench = Bench::start().await;
    assert!(saved(&bench, APPROVED).await.starts_with("tok_"));
    for attributes in
        [json!({"customer": {"reference_id": "cus_1"}}), json!({"gateway_options": {"cardgate": {"tokenize": true}}})]
    {
        let paid = bench.paid_invoice(attributes).await;
        assert_eq!(paid["attributes"]["payload"]["token"], Value::Null);
    }
}

#[tokio::test]
async fn a_saved_card_is_charged_at_once_when_the_payer_is_away() {
    let bench = Bench::start().await;
    let token = saved(&bench, APPROVED).await;
    let made = bench.invoice(with_token("pi_1", &token, "cus_1", true)).await;
    assert_eq!(made["attributes"]["status"], "processed");
    assert_eq!(made["attributes"]["payload"]["payment_card"]["last"], "1111");
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
    let asked = saved(&bench, ASKED_BY_BANK).await;
    let made = bench.invoice(with_token("pi_2", &asked, "cus_1", true)).await;
    assert_eq!(bench.state_of(&made).await, state("process_pending", "auth_3ds_required"));
    assert_eq!(bench.sandbox.ledger().charged("pi_2"), 0);
}

#[tokio::test]
async fn a_payer_who_is_there_confirms_the_saved_card_on_the_page() {
    let bench = Bench::start().await;
    let token = saved(&bench, APPROVED).await;
    let made = bench.invoice(with_token("pi_1", &token, "cus_1", false)).await;
    assert_eq!(bench.state_of(&made).await, state("created", "ok"));
    assert_eq!(made["attributes"]["flow_data"]["metadata"]["token"], Value::Null, "the card gate is not for it");
    let path = made["attributes"]["flow_data"]["action"].as_str().unwrap().to_owned();
    assert!(bench.page(&path).await.contains("ends in 1111"));
    bench.submit(&path, &[("decision", "approve")]).await;
    assert_eq!(bench.state_of(&made).await, state("processed", "ok"));
}

#[tokio::test]
async fn a_token_is_of_no_use_to_another_customer_or_where_instant_charges_are_refused() {
    let bench = Bench::start().await;
    let token = saved(&bench, APPROVED).await;
    for wrong in [with_token("a", &token, "cus_2", true), with_token("b", "tok_none", "cus_1", false)] {
        let (status, refusal) = bench.send(INVOICES, &invoice(wrong)).await;
        assert_eq!((status, &refusal["errors"][0]["source"]["pointer"]), (422, &json!("/data/attributes/token")));
    }
    bench.sandbox.faults().set(|switches| switches.commerce.refuse_instant = true);
    assert_eq!(bench.send(INVOICES, &invoice(with_token("c", &token, "cus_1", true))).await.0, 422);
    assert_eq!(bench.send(INVOICES, &invoice(with_token("d", &token, "cus_1", false))).await.0, 201);
    assert_eq!(bench.sandbox.ledger().entries.len(), 1, "only the payment that saved the card");
}
