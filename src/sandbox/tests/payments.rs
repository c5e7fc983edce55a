//! Payments: what each card does to the status and to the ledger.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, LONG_PATIENCE, SHORT_PATIENCE, card, intent, settings};
use crate::sandbox::{
    CHARGEBACK_TIME, PROCESSING_TIME, SandboxOptions,
    cards::{CardEffect, TEST_CARDS},
    faults::Fault,
};

#[tokio::test]
async fn every_test_card_does_what_its_row_says() {
    let mut bench = Bench::start().await;
    for test in TEST_CARDS {
        let id = bench.intent(test.number).await;
        bench.patience = patience_for(test.effect);
        let answer = bench.confirm(&id, test.number).await;
        let charged = bench.sandbox.ledger().charged(test.number);
        let (answered, truth, expected) = match test.effect {
            CardEffect::Approve | CardEffect::ApproveThenChargeBack => ("succeeded", "succeeded", 10_000),
            CardEffect::Decline(code) => {
                assert_eq!(answer.as_ref().unwrap().1["error"]["code"], code);
                ("failed", "failed", 0)
            }
            CardEffect::Challenge => ("requires_action", "requires_action", 0),
            CardEffect::Display(_) | CardEffect::ChallengeThenDecline(_) | CardEffect::Stall => {
                unreachable!("none of these cards does that")
            }
            CardEffect::Process => ("processing", "processing", 0),
            CardEffect::Fault(Fault::WrongAmount) => {
                assert_eq!(answer.as_ref().unwrap().1["amount"].to_string(), "101.00");
                ("succeeded", "succeeded", 10_000)
            }
            CardEffect::Fault(fault) => {
                let status = answer.as_ref().map(|(status, _)| *status);
                match fault {
                    Fault::Http(code) | Fault::HttpAfterExecute(code) => assert_eq!(status, Some(code)),
                    _ => assert_eq!(status, None, "{}", test.name),
                }
                if fault.executes() { ("", "succeeded", 10_000) } else { ("", "requires_confirmation", 0) }
            }
        };
        assert_eq!(charged, expected, "{}", test.name);
        assert_eq!(bench.status_of(&id).await, truth, "{}", test.name);
        if !answered.is_empty() {
            assert_eq!(answer.unwrap().1["status"], answered, "{}", test.name);
        }
    }
}

/// Long for what answers, short for what never does.
fn patience_for(effect: CardEffect) -> Duration {
    match effect {
        CardEffect::Fault(Fault::Hang | Fault::HangAfterExecute) => SHORT_PATIENCE,
        _ => LONG_PATIENCE,
    }
}

#[tokio::test]
async fn an_intent_shows_what_it_was_created_with() {
    let bench = Bench::start().await;
    let body = json!({
        "amount": 1.234, "currency": "KWD", "payment_method": "card", "reference_id": "pi_1",
        "description": "Tea", "metadata": {"order": "7"},
    });
    let (status, made) = bench.post("/v1/payment-intents", body).await;
    assert_eq!(status, 201);
    assert_eq!(made["amount"].to_string(), "1.234");
    assert_eq!((&made["description"], &made["metadata"]["order"]), (&json!("Tea"), &json!("7")));
    let payment_id = made["payment_id"].as_str().unwrap();
    assert_eq!(bench.get(&format!("/v1/payments/{payment_id}")).await, (200, made));
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let bench = Bench::start().await;
    let body = json!({
        "amount": 0, "currency": "usd", "payment_method": "card", "callback_url": "javascript:x", "customer_id": "none",
    });
    let (status, refusal) = bench.post("/v1/payment-intents", body).await;
    assert_eq!((status, &refusal["error_code"]), (422, &json!("validation_error")));
    for field in ["amount", "currency", "callback_url", "customer_id"] {
        assert!(refusal["errors"][field][0].is_string(), "{field}: {refusal}");
    }
    let too_precise = json!({"amount": "1.5", "currency": "JPY", "payment_method": "card"});
    assert_eq!(bench.post("/v1/payment-intents", too_precise).await.0, 422);
}

#[tokio::test]
async fn a_bad_card_is_refused_without_an_attempt_and_without_being_quoted() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let bad = json!({"card_number": "4111111111111112", "card_expiry_month": "13", "card_expiry_year": "2020", "card_cvv": "1"});
    let (status, refusal) = bench.post(&format!("/v1/payment-intents/{id}/confirm"), bad).await;
    assert_eq!(status, 422);
    for field in ["card_number", "card_expiry_month", "card_expiry_year", "card_cvv"] {
        assert!(refusal["errors"][field][0].is_string(), "{field}: {refusal}");
    }
    assert!(!refusal.to_string().contains("4111"));
    assert_eq!(bench.status_of(&id).await, "requires_confirmation");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let bench = Bench::start().await;
    for path in ["/v1/payments/in_0", "/v1/customers/cfcus_0", "/v1/customers/x/payment-methods", "/v1/else"] {
        let (status, refusal) = bench.get(path).await;
        assert_eq!((status, refusal["error_code"].as_str()), (404, Some("not_found")), "{path}");
    }
    assert_eq!(bench.confirm("in_0", "4111111111111111").await.unwrap().0, 404);
}

#[tokio::test]
async fn only_what_waits_or_failed_can_be_confirmed() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    assert_eq!(bench.confirm(&id, "4000000000000002").await.unwrap().1["status"], "failed");
    assert_eq!(bench.confirm(&id, "4111111111111111").await.unwrap().1["status"], "succeeded");
    let (status, refusal) = bench.confirm(&id, "4111111111111111").await.unwrap();
    assert_eq!((status, &refusal["error_code"]), (409, &json!("invalid_state")));
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn a_processing_payment_is_charged_with_time_and_tells_a_later_version() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let processing = bench.confirm(&id, "4000000000000077").await.unwrap().1;
    bench.clock.advance(PROCESSING_TIME - Duration::from_micros(1));
    assert_eq!(bench.status_of(&id).await, "processing");
    bench.clock.advance(Duration::from_micros(1));
    let paid = bench.get(&format!("/v1/payments/{id}")).await.1;
    assert_eq!(paid["status"], "succeeded");
    assert_ne!(paid["updated_at"], processing["updated_at"]);
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn a_payment_is_charged_back_with_time_and_tells_how_much() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let paid = bench.confirm(&id, "4000000000000259").await.unwrap().1;
    assert_eq!(paid["amount_charged_back"].to_string(), "0.00");
    bench.clock.advance(CHARGEBACK_TIME);
    let shown = bench.get(&format!("/v1/payments/{id}")).await.1;
    assert_eq!((&shown["status"], shown["amount_charged_back"].to_string().as_str()), (&json!("succeeded"), "100.00"));
    let refund = json!({"payment_id": id, "amount": 1});
    assert_eq!(bench.post("/v1/refunds", refund).await.1["error_code"], "refund_exceeds_payment");
    let ledger = bench.sandbox.ledger();
    assert_eq!((ledger.charged("pi_1"), ledger.charged_back("pi_1"), ledger.refunded("pi_1")), (10_000, 10_000, 0));
}

#[tokio::test]
async fn no_more_is_charged_back_than_was_paid_whatever_was_refunded() {
    let bench = Bench::start().await;
    let open = bench.intent("pi_1").await;
    assert!(bench.sandbox.charge_back(&open, 1).is_err());
    bench.confirm(&open, "4111111111111111").await;
    bench.post("/v1/refunds", json!({"payment_id": open, "amount": 30})).await;
    bench.sandbox.charge_back("pi_1", 9_000).unwrap();
    assert!(bench.sandbox.charge_back("pi_1", 1_001).is_err());
    bench.sandbox.charge_back("pi_1", 1_000).unwrap();
    assert_eq!(bench.sandbox.ledger().charged_back("pi_1"), 10_000);
}

#[tokio::test]
async fn a_ticking_sandbox_settles_without_being_asked() {
    let tick = Some(Duration::from_millis(5));
    let bench = Bench::start_with(SandboxOptions { tick, ..settings() }).await;
    let id = bench.intent("pi_1").await;
    bench.confirm(&id, "4000000000000077").await;
    bench.clock.advance(PROCESSING_TIME);
    let charged = async {
        while bench.sandbox.ledger().charged("pi_1") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG_PATIENCE, charged).await.unwrap();
}

#[tokio::test]
async fn versions_ascend_while_the_clock_stands() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let first = bench.confirm(&id, "4000000000000002").await.unwrap().1["updated_at"].clone();
    let second = bench.confirm(&id, "4000000000000002").await.unwrap().1["updated_at"].clone();
    assert!(second.as_str() > first.as_str(), "{first} {second}");
}

#[tokio::test]
async fn the_payer_s_page_completes_a_challenge_and_leads_back() {
    for (decision, status, link) in
        [("approve", "succeeded", "https://shop.example/back"), ("decline", "failed", "https://shop.example/failed")]
    {
        let bench = Bench::start().await;
        let mut body = intent("pi_1");
        body["description"] = json!("<script>alert(1)</script>");
        body["callback_url"] = json!("https://shop.example/back");
        body["failure_url"] = json!("https://shop.example/failed");
        let id = bench.post("/v1/payment-intents", body).await.1["id"].as_str().unwrap().to_owned();
        let challenge = bench.confirm(&id, "4000000000003220").await.unwrap().1;
        let url = challenge["next_action"]["url"].as_str().unwrap();
        let page = bench.http.get(url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("100.00 USD") && page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        let form = bench.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        let back = form.body(format!("decision={decision}")).send().await.unwrap();
        assert_eq!((back.status().as_u16(), back.headers()["location"].to_str().unwrap()), (303, link));
        assert_eq!(bench.status_of(&id).await, status);
        assert!(bench.sandbox.complete_action(&id, true).is_err(), "it is over");
        let charged = bench.sandbox.ledger().charged("pi_1");
        assert_eq!(charged, if decision == "approve" { 10_000 } else { 0 });
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leads_to_where_the_payment_stands() {
    for (approved, late, link) in
        [(true, "decline", "https://shop.example/back"), (false, "approve", "https://shop.example/failed")]
    {
        let bench = Bench::start().await;
        let mut body = intent("pi_1");
        body["callback_url"] = json!("https://shop.example/back");
        body["failure_url"] = json!("https://shop.example/failed");
        let id = bench.post("/v1/payment-intents", body).await.1["id"].as_str().unwrap().to_owned();
        let challenge = bench.confirm(&id, "4000000000003220").await.unwrap().1;
        bench.sandbox.complete_action(&id, approved).unwrap();
        let url = challenge["next_action"]["url"].as_str().unwrap();
        let form = bench.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        let back = form.body(format!("decision={late}")).send().await.unwrap();
        assert_eq!(back.headers()["location"].to_str().unwrap(), link, "{late}");
    }
}

#[tokio::test]
async fn a_cryptogram_made_elsewhere_spares_the_challenge() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let mut body = card("4000000000003220");
    body["three_ds_cavv"] = json!("AAABBEg0VhI0VniQEjRWAAAAAAA=");
    let (_, paid) = bench.post(&format!("/v1/payment-intents/{id}/confirm"), body).await;
    assert_eq!(paid["status"], "succeeded");
}

#[tokio::test]
async fn a_saved_card_is_shown_masked_and_acts_as_its_number() {
    let bench = Bench::start().await;
    let customer = bench.post("/v1/customers", json!({"email": "a@b.example", "reference_id": "cus_1"})).await.1;
    let data = json!({"card_number": "4000000000009995", "card_expiry_month": "12", "card_expiry_year": "2030"});
    let body = json!({"customer_id": customer["id"], "type": "card", "data": data});
    let (status, saved) = bench.post("/v1/payment-methods", body).await;
    assert_eq!((status, &saved["card"]["first6"], &saved["card"]["last4"]), (201, &json!("400000"), &json!("9995")));
    let wallet = json!({"customer_id": customer["id"], "type": "apple_pay", "data": {"token": "anything"}});
    bench.post("/v1/payment-methods", wallet).await;
    let path = format!("/v1/customers/{}/payment-methods", customer["id"].as_str().unwrap());
    let listed = bench.get(&path).await.1["data"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    for (method, status) in [(&listed[0], "failed"), (&listed[1], "succeeded")] {
        let id = bench.intent(status).await;
        let body = json!({"payment_method_id": method["id"]});
        assert_eq!(bench.post(&format!("/v1/payment-intents/{id}/confirm"), body).await.1["status"], status);
    }
}

#[tokio::test]
async fn late_charges_and_cancellations_come_from_outside() {
    let mut bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    bench.patience = SHORT_PATIENCE;
    assert!(bench.confirm(&id, "4000000000004087").await.is_none());
    bench.patience = LONG_PATIENCE;
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 0);
    bench.sandbox.charge_late("pi_1").unwrap();
    assert!(bench.sandbox.charge_late("pi_1").is_err());
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
    assert!(bench.sandbox.cancel(&id).is_err());
    let other = bench.intent("pi_2").await;
    bench.sandbox.cancel(&other).unwrap();
    assert_eq!(bench.status_of(&other).await, "canceled");
    assert_eq!(bench.confirm(&other, "4111111111111111").await.unwrap().0, 409);
    let processing = bench.intent("pi_3").await;
    bench.confirm(&processing, "4000000000000077").await;
    bench.sandbox.settle_payment("pi_3").unwrap();
    assert_eq!(bench.status_of(&processing).await, "succeeded");
}

#[tokio::test]
async fn a_customer_reads_back() {
    let bench = Bench::start().await;
    let (status, made) = bench.post("/v1/customers", json!({"email": "a@b.example", "city": "Kyiv"})).await;
    assert_eq!(status, 201);
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    assert_eq!(bench.get(&path).await, (200, made));
    let (status, refusal): (u16, Value) = bench.post("/v1/customers", json!({"email": "nobody"})).await;
    assert_eq!((status, refusal["errors"]["email"].is_array()), (422, true));
}
