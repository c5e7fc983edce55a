//! Invoices: made, found, shown, and expired.

use std::time::Duration;

use serde_json::{Value, json};

use super::{INVOICES, invoice, state};
use crate::sandbox::{
    CreatedStatus, DuplicateAnswer, INVOICE_LIFETIME,
    faults::Fault,
    tests::{Bench, answer},
};

#[tokio::test]
async fn an_invoice_shows_what_it_was_made_with() {
    let bench = Bench::start().await;
    let attributes = json!({
        "amount": 10.5, "currency": "EUR", "service": "payment_card_eur_hpp", "reference_id": "pi_1", "test_mode": false,
        "description": "Tea", "customer": {"reference_id": "cus_1", "email": "a@b.example"}, "metadata": {"order": "7"},
        "return_urls": {"success": "https://shop.example/ok", "pending": null, "fail": "https://shop.example/ko"},
    });
    let (status, made) = bench.send(INVOICES, &invoice(attributes)).await;
    assert_eq!(status, 201);
    let (data, shown) = (&made["data"], &made["data"]["attributes"]);
    assert_eq!((&data["type"], shown["amount"].to_string()), (&json!("payment-invoices"), "10.5".to_owned()));
    assert_eq!((&shown["reference_id"], &shown["status"]), (&json!("pi_1"), &json!("created")));
    assert_eq!((&shown["test_mode"], &shown["metadata"]), (&json!(false), &json!({"order": "7"})));
    assert_eq!(shown["return_urls"]["fail"], "https://shop.example/ko");
    assert_eq!((&shown["payload"], &shown["processed_amount"]), (&json!([]), &Value::Null));
    assert_eq!(data["relationships"]["payment-service"]["data"]["id"], "payment_card_eur_hpp");
    assert_eq!(made["included"][0]["attributes"]["email"], "a@b.example");
    let id = data["id"].as_str().unwrap();
    assert_eq!(bench.read(&format!("{INVOICES}/{id}")).await, (200, made.clone()));
    let found = bench.read(&format!("{INVOICES}/?filter%5Breference_id%5D=pi_1")).await.1;
    assert_eq!(found["data"], json!([data]));
    assert_eq!(bench.read(&format!("{INVOICES}/?filter[reference_id]=pi")).await.1["data"], json!([]));
    assert_eq!(bench.read(&format!("{INVOICES}/cpi_none")).await.0, 404);
}

#[tokio::test]
async fn every_wrong_field_is_pointed_at() {
    let bench = Bench::start().await;
    let attributes = json!({
        "amount": "10", "currency": "usd", "service": "mb_way_eur_hpp", "customer": {"email": "a@b.example", "phone": "+34 600"},
        "return_urls": {"success": "javascript:x"}, "token": null,
    });
    let (status, refusal) = bench.send(INVOICES, &invoice(attributes)).await;
    assert_eq!(status, 422);
    let errors = refusal["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors.iter().map(|error| error["source"]["pointer"].as_str().unwrap()).collect();
    for field in [
        "amount",
        "currency",
        "service",
        "service_fields/phone",
        "customer/reference_id",
        "customer/phone",
        "return_urls/success",
    ] {
        assert!(pointers.contains(&format!("/data/attributes/{field}").as_str()), "{field}: {pointers:?}");
    }
    let precise = invoice(json!({"amount": 1.5, "currency": "JPY", "service": "payment_card_jpy_hpp"}));
    assert_eq!(bench.send(INVOICES, &precise).await.0, 422);
    assert_eq!(bench.send(INVOICES, &json!({"data": {"type": "refund", "attributes": {}}})).await.0, 422);
    assert!(bench.sandbox.payments().is_empty());
}

#[tokio::test]
async fn empty_objects_may_be_lists_in_requests() {
    let bench = Bench::start().await;
    let empty = json!({"metadata": [], "customer": [], "service_fields": [], "return_urls": [], "gateway_options": []});
    let made = bench.invoice(empty).await;
    assert_eq!((&made["attributes"]["metadata"], &made["attributes"]["return_urls"]), (&json!([]), &json!([])));
    assert!(made["attributes"]["reference_id"].as_str().is_some_and(|reference| !reference.is_empty()));
}

#[tokio::test]
async fn a_used_reference_is_refused_as_the_account_does_it() {
    let bench = Bench::start().await;
    bench.card_invoice("pi_1").await;
    for (duplicates, expected) in [
        (DuplicateAnswer::Unprocessable, 422),
        (DuplicateAnswer::Conflict, 409),
        (DuplicateAnswer::TooManyRequests, 429),
    ] {
        bench.sandbox.faults().set(|switches| switches.commerce.duplicates = duplicates);
        let (status, refusal) = bench.send(INVOICES, &invoice(json!({"reference_id": "pi_1"}))).await;
        assert_eq!((status, &refusal["errors"][0]["status"]), (expected, &json!(expected.to_string())));
    }
    assert_eq!(bench.sandbox.payments().len(), 1);
    bench.sandbox.faults().set(|switches| switches.ignore_references = true);
    bench.card_invoice("pi_1").await;
    let found = bench.read(&format!("{INVOICES}/?filter[reference_id]=pi_1")).await.1;
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_invoice_expires_when_nobody_pays() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let short = bench.invoice(json!({"reference_id": "pi_2", "expires": bench.clock.now().seconds() + 60})).await;
    bench.paid_invoice(json!({"reference_id": "pi_3"})).await;
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.state_of(&short).await, state("expired", "transaction_expired"));
    assert_eq!(bench.state_of(&made).await, state("created", "ok"));
    bench.clock.advance(INVOICE_LIFETIME);
    assert_eq!(bench.state_of(&made).await, state("expired", "transaction_expired"));
    assert_eq!(bench.shown(&made).await["attributes"]["flow_data"], json!([]));
    assert!(bench.sandbox.expire("pi_3").is_err(), "it is paid");
}

#[tokio::test]
async fn an_invoice_with_a_service_may_begin_as_pending() {
    let bench = Bench::start().await;
    bench.sandbox.faults().set(|switches| switches.commerce.created_as = CreatedStatus::ProcessPending);
    let made = bench.card_invoice("pi_1").await;
    assert_eq!(bench.state_of(&made).await, state("process_pending", "ok"));
    let open = bench.invoice(json!({"service": null})).await;
    assert_eq!(bench.state_of(&open).await, state("created", "ok"), "the payer has yet to choose");
    assert_eq!(open["attributes"]["flow_data"]["metadata"]["token"], Value::Null);
}

#[tokio::test]
async fn switches_and_planned_faults_hold_for_this_dialect() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let path = format!("{INVOICES}/{}", made["id"].as_str().unwrap());
    let set = |change: fn(&mut crate::sandbox::faults::Switches)| {
        bench.sandbox.faults().clear();
        bench.sandbox.faults().set(change);
    };
    set(|switches| switches.hide_payments = true);
    assert_eq!(bench.read(&path).await.0, 404);
    set(|switches| switches.show_unknown_status = true);
    assert_eq!(bench.read(&path).await.1["data"]["attributes"]["status"], "on_hold");
    set(|switches| drop(switches.shown_payments.insert("pi_1".to_owned(), json!({"amount": 7}))));
    assert_eq!(bench.read(&path).await.1["data"]["attributes"]["amount"], json!(7));
    set(|switches| drop(switches.shown_payments.insert("pi_1".to_owned(), Value::Null)));
    assert_eq!(bench.read(&format!("{INVOICES}/?filter[reference_id]=pi_1")).await.1["data"], json!([]));
    set(|switches| switches.commerce.lost_attributes.extend(["flow_data".to_owned()]));
    assert_eq!(bench.read(&path).await.1["data"]["attributes"]["flow_data"], Value::Null);
    bench.sandbox.faults().clear();
    bench.sandbox.faults().fail_next(1, "GET", "/payment-invoices/{id}", Fault::WrongAmount);
    assert_eq!(bench.read(&path).await.1["data"]["attributes"]["amount"], json!(101));
    bench.sandbox.faults().fail_next(1, "POST", INVOICES, Fault::Http(503));
    let (status, refusal) = bench.send(INVOICES, &invoice(json!({}))).await;
    assert_eq!((status, &refusal["errors"][0]["status"]), (503, &json!("503")));
    bench.sandbox.faults().fail_next(1, "POST", INVOICES, Fault::DropAfterExecute);
    assert!(answer(bench.basic("POST", INVOICES, &invoice(json!({"reference_id": "pi_2"})))).await.is_none());
    let found = bench.read(&format!("{INVOICES}/?filter[reference_id]=pi_2")).await.1;
    assert_eq!(found["data"][0]["attributes"]["reference_id"], "pi_2", "it was made, though the answer was lost");
}
