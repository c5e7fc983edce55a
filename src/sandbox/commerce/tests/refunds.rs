//! Refunds, in both of Corefy's ways, and chargebacks.

use serde_json::{Value, json};

use crate::sandbox::{
    CHARGEBACK_TIME, RefundModel,
    faults::ShownRefunds,
    tests::{Bench, answer},
};

async fn refund(bench: &Bench, invoice: &Value, amount: Value, reference: &str) -> (u16, Value) {
    let id = invoice["id"].as_str().unwrap();
    let attributes = json!({"invoiceId": id, "amount": amount, "reference_id": reference, "description": "Returned"});
    let body = json!({"data": {"type": "refund", "id": id, "attributes": attributes}});
    bench.send(&format!("/payment-invoices/{id}/refund"), &body).await
}

#[tokio::test]
async fn a_refund_of_the_new_model_is_an_object_that_the_invoice_lists() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    let (status, made) = refund(&bench, &paid, json!(25.5), "re_1").await;
    assert_eq!((status, &made["data"]["type"]), (201, &json!("refunds")));
    assert_eq!(made["data"]["attributes"]["amount"].to_string(), "25.5");
    let shown = bench.shown(&paid).await["attributes"].clone();
    assert_eq!(
        (&shown["status"], shown["refunded_amount"].to_string()),
        (&json!("partially_refunded"), "25.5".to_owned())
    );
    assert_eq!(
        (&shown["refunds"][0]["id"], &shown["refunds"][0]["reference_id"]),
        (&made["data"]["id"], &json!("re_1"))
    );
    refund(&bench, &paid, json!(74.5), "re_2").await;
    assert_eq!(bench.state_of(&paid).await.0, "refunded");
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 10_000);
}

#[tokio::test]
async fn a_refund_of_the_old_model_is_answered_with_the_invoice() {
    let bench = Bench::start().await;
    bench.sandbox.faults().set(|switches| switches.commerce.refunds = RefundModel::Old);
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    let (status, made) = refund(&bench, &paid, json!(25), "re_1").await;
    let shown = &made["data"]["attributes"];
    assert_eq!((status, &made["data"]["id"], &shown["status"]), (200, &paid["id"], &json!("partially_refunded")));
    assert_eq!((&shown["refunded_amount"], &shown["refunds"]), (&json!(25), &Value::Null));
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 2_500);
}

#[tokio::test]
async fn a_refund_that_is_under_way_or_fails_leaves_the_money_where_it_is() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    let (_, pending) = refund(&bench, &paid, json!(1.61), "re_1").await;
    assert_eq!(pending["data"]["attributes"]["status"], "process_pending");
    assert_eq!(bench.state_of(&paid).await.0, "refunding");
    bench.sandbox.settle_refund("re_1").unwrap();
    assert_eq!(bench.state_of(&paid).await.0, "partially_refunded");
    refund(&bench, &paid, json!(1.62), "re_2").await;
    bench.sandbox.settle_refund("re_2").unwrap();
    let shown = bench.shown(&paid).await["attributes"].clone();
    assert_eq!((&shown["status"], shown["refunded_amount"].to_string()), (&json!("refund_failed"), "1.61".to_owned()));
    assert_eq!(shown["refunds"][1]["status"], "process_failed");
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 161);
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused_and_changes_nothing() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    for amount in [json!(100.01), json!(0), json!(-1), json!(1.001), json!("5"), json!(1.63)] {
        assert_eq!(refund(&bench, &paid, amount.clone(), "re_1").await.0, 422, "{amount}");
    }
    let id = paid["id"].as_str().unwrap();
    let nameless = json!({"data": {"type": "refund", "attributes": {"invoiceId": id, "amount": 1}}});
    assert_eq!(bench.send(&format!("/payment-invoices/{id}/refund"), &nameless).await.0, 422);
    let open = bench.card_invoice("pi_2").await;
    assert_eq!(refund(&bench, &open, json!(1), "re_2").await.0, 422);
    assert_eq!(refund(&bench, &json!({"id": "cpi_none"}), json!(1), "re_2").await.0, 404);
    assert_eq!(refund(&bench, &paid, json!(1), "re_1").await.0, 201);
    assert_eq!(refund(&bench, &paid, json!(1), "re_1").await.0, 409, "the reference was used");
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 100);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_was_made() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    let id = paid["id"].as_str().unwrap();
    let attributes = json!({"invoiceId": id, "amount": 1.66, "reference_id": "re_1"});
    let body = json!({"data": {"type": "refund", "attributes": attributes}});
    assert!(answer(bench.basic("POST", &format!("/payment-invoices/{id}/refund"), &body)).await.is_none());
    assert_eq!(bench.shown(&paid).await["attributes"]["refunds"][0]["reference_id"], "re_1");
}

#[tokio::test]
async fn refunds_are_shown_as_the_switch_has_it() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    refund(&bench, &paid, json!(25), "re_1").await;
    let shown = async |form| {
        bench.sandbox.faults().set(|switches| switches.shown_refunds = form);
        bench.shown(&paid).await["attributes"].clone()
    };
    assert_eq!(shown(ShownRefunds::WithoutReferences).await["refunds"][0]["reference_id"], Value::Null);
    assert!(shown(ShownRefunds::SumOnly).await.get("refunds").is_none());
    assert_eq!(shown(ShownRefunds::SumAndEmptyList).await["refunds"], json!([]));
    let none = shown(ShownRefunds::None).await;
    assert_eq!((&none["status"], &none["refunded_amount"]), (&json!("processed"), &json!(0)));
}

#[tokio::test]
async fn a_bank_takes_money_back_in_part_and_wholly() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    bench.sell(&made, "4000000000000259", ("12", "30")).await.unwrap();
    bench.sandbox.charge_back("pi_1", 2_500).unwrap();
    let shown = bench.shown(&made).await["attributes"].clone();
    assert_eq!((&shown["status"], &shown["charged_back_amount"]), (&json!("partially_charged_back"), &json!(25)));
    bench.clock.advance(CHARGEBACK_TIME);
    assert_eq!(bench.state_of(&made).await.0, "charged_back");
    assert_eq!(bench.sandbox.ledger().charged_back("pi_1"), 10_000);
}
