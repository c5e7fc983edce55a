//! Refunds: what each amount does, and that no more goes back than came in.

use serde_json::{Value, json};

use super::{Bench, SandboxAnswer, answer};
use crate::sandbox::{
    PROCESSING_TIME,
    test_refunds::{RETURN_TIME, RefundEffect, TEST_REFUNDS},
};

async fn refund(bench: &Bench, id: &str, amount: &str, reference: &str) -> SandboxAnswer {
    let body = json!({"payment_id": id, "amount": amount, "reference_id": reference}).to_string();
    answer(bench.request("POST", "/v1/refunds", &body)).await
}

async fn payment(bench: &Bench, id: &str) -> Value {
    bench.get(&format!("/v1/payments/{id}")).await.1
}

#[tokio::test]
async fn every_test_amount_does_what_its_row_says() {
    for test in TEST_REFUNDS {
        let bench = Bench::start().await;
        let id = bench.paid("pi_1").await;
        let answer = refund(&bench, &id, &format!("1.{}", test.ending), "re_1").await;
        let (at_first, at_last) = match test.effect {
            RefundEffect::Succeed => (Some("succeeded"), Some("succeeded")),
            RefundEffect::Fail => (Some("failed"), Some("failed")),
            RefundEffect::PendThenSucceed => (Some("pending"), Some("succeeded")),
            RefundEffect::PendThenFail => (Some("pending"), Some("failed")),
            RefundEffect::Refuse => (None, None),
            RefundEffect::SucceedThenReturn => (Some("succeeded"), Some("failed")),
            RefundEffect::Fault(fault) if fault.executes() => (Some("succeeded"), Some("succeeded")),
            RefundEffect::Fault(_) => (None, None),
        };
        let shown = payment(&bench, &id).await["refunds"][0].clone();
        assert_eq!(shown["status"].as_str(), at_first, "{}", test.description);
        if let (Some((201, told)), Some(status)) = (&answer, at_first) {
            assert_eq!((&told["status"], &told["reference_id"]), (&json!(status), &json!("re_1")));
        }
        bench.clock.advance(PROCESSING_TIME + RETURN_TIME);
        assert_eq!(payment(&bench, &id).await["refunds"][0]["status"].as_str(), at_last, "{}", test.description);
        let given_back = if at_last == Some("succeeded") { 100 + test.ending } else { 0 };
        assert_eq!(bench.sandbox.ledger().refunded("pi_1"), given_back, "{}", test.description);
    }
}

#[tokio::test]
async fn no_more_goes_back_than_came_in() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    assert_eq!(refund(&bench, &id, "60.61", "re_1").await.unwrap().0, 201);
    let (status, refusal) = refund(&bench, &id, "39.40", "re_2").await.unwrap();
    assert_eq!((status, &refusal["error_code"]), (422, &json!("refund_exceeds_payment")));
    let (status, rest) = bench.post("/v1/refunds", json!({"payment_id": id})).await;
    assert_eq!((status, rest["amount"].to_string().as_str()), (201, "39.39"));
    assert_eq!(bench.post("/v1/refunds", json!({"payment_id": id})).await.0, 422);
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 3939);
    bench.sandbox.settle_refund("re_1").unwrap();
    assert!(bench.sandbox.settle_refund("re_1").is_err());
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 10_000);
    assert_eq!(payment(&bench, &id).await["amount_refunded"].to_string(), "100.00");
}

#[tokio::test]
async fn what_is_not_paid_cannot_be_refunded() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    assert_eq!(refund(&bench, &id, "1.00", "re_1").await.unwrap().0, 409);
    assert_eq!(refund(&bench, "in_0", "1.00", "re_1").await.unwrap().0, 404);
    let paid = bench.paid("pi_2").await;
    for amount in ["0", "-1", "1.001"] {
        assert_eq!(refund(&bench, &paid, amount, "re_1").await.unwrap().0, 422, "{amount}");
    }
    assert_eq!(bench.sandbox.ledger().refunded("pi_2"), 0);
}

#[tokio::test]
async fn a_refund_from_the_dashboard_has_no_reference() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    let refund = bench.sandbox.refund_from_dashboard("pi_1", 2500).unwrap();
    assert!(bench.sandbox.refund_from_dashboard("pi_1", 7501).is_err());
    let shown = payment(&bench, &id).await["refunds"][0].clone();
    assert_eq!((&shown["id"], &shown["reference_id"]), (&json!(refund), &Value::Null));
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 2500);
}
