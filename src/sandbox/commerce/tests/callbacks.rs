//! Callbacks: their content, their signatures, and where they go.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::APPROVED;
use crate::sandbox::{
    SandboxAccount,
    commerce::callbacks::callback_signature,
    lock::lock,
    tests::{Bench, ReceivedWebhook},
};

/// The statuses that callbacks told of, in order.
fn statuses(received: &ReceivedWebhook) -> Vec<String> {
    let status = |body: &Value| body["data"]["attributes"]["status"].as_str().unwrap().to_owned();
    received.bodies().iter().map(status).collect()
}

#[tokio::test]
async fn each_change_is_told_with_the_whole_invoice_signed_for_its_mode() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1", "test_mode": false})).await;
    bench.sandbox.refund_from_dashboard("pi_1", 2_500).unwrap();
    bench.sandbox.charge_back("pi_1", 7_500).unwrap();
    bench.sandbox.webhooks_idle().await;
    assert_eq!(statuses(&received), ["created", "processed", "partially_refunded", "partially_charged_back"]);
    let account = SandboxAccount::default();
    for (signature, body) in lock(&received.0).iter() {
        assert_eq!(*signature, callback_signature(&account.secret_key_live, body));
        assert_ne!(*signature, callback_signature(&account.secret_key_test, body));
    }
    assert_eq!(received.bodies()[1]["data"], paid);
}

#[tokio::test]
async fn slashes_are_escaped_and_no_card_number_is_told() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.paid_invoice(json!({"reference_id": "pi_1", "return_url": "https://shop.example/back"})).await;
    bench.sandbox.webhooks_idle().await;
    let bodies: Vec<Bytes> = lock(&received.0).iter().map(|(_, body)| body.clone()).collect();
    for body in bodies {
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains(r"https:\/\/shop.example\/back") && !text.contains("://"), "{text}");
        assert!(!text.contains(APPROVED), "{text}");
    }
}

#[tokio::test]
async fn an_invoice_may_have_its_callbacks_sent_elsewhere() {
    let bench = Bench::start().await;
    let (elsewhere, url) = ReceivedWebhook::listen(0).await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.invoice(json!({"reference_id": "pi_1", "callback_url": url.as_str()})).await;
    bench.invoice(json!({"reference_id": "pi_2"})).await;
    bench.sandbox.webhooks_idle().await;
    let references = |received: &ReceivedWebhook| -> Vec<Value> {
        received.bodies().iter().map(|body| body["data"]["attributes"]["reference_id"].clone()).collect()
    };
    assert_eq!((references(&elsewhere), references(&received)), (vec![json!("pi_1")], vec![json!("pi_2")]));
}

#[tokio::test]
async fn callbacks_suffer_what_webhooks_suffer() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.sandbox.faults().set(|switches| {
        switches.webhooks.hold = true;
        switches.webhooks.shuffle = true;
        switches.webhooks.extra_copies = 1;
    });
    bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    bench.sandbox.webhooks_idle().await;
    assert!(received.bodies().is_empty(), "they are held");
    bench.sandbox.deliver_held();
    bench.sandbox.webhooks_idle().await;
    assert_eq!(statuses(&received), ["processed", "processed", "created", "created"]);
    bench.sandbox.faults().set(|switches| {
        switches.webhooks.hold = false;
        switches.webhooks.loss_percent = 100;
    });
    bench.card_invoice("pi_2").await;
    bench.sandbox.webhooks_idle().await;
    assert_eq!(received.bodies().len(), 4, "those are lost");
}

#[tokio::test]
async fn forgeries_can_be_sent() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.sandbox.send_callback("{}", true, Some("forged")).await.unwrap();
    bench.sandbox.send_callback("{}", true, None).await.unwrap();
    let key = SandboxAccount::default().secret_key_test;
    let signatures: Vec<String> = lock(&received.0).iter().map(|(signature, _)| signature.clone()).collect();
    assert_eq!(signatures, ["forged".to_owned(), callback_signature(&key, b"{}")]);
}
