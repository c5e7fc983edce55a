//! Webhooks: their content, their signatures, and the faults of their delivery.

use serde_json::json;

use super::{Bench, ReceivedWebhook, WEBHOOK_SECRET, settings};
use crate::sandbox::{SandboxOptions, WebhookState, auth::hmac_hex, lock::lock};

#[tokio::test]
async fn each_event_is_told_once_signed_and_with_its_object() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    let id = bench.paid("pi_1").await;
    bench.post("/v1/refunds", json!({"payment_id": id, "amount": 25, "reference_id": "re_1"})).await;
    bench.post("/v1/refunds", json!({"payment_id": id, "amount": 1.62, "reference_id": "re_2"})).await;
    bench.sandbox.settle_refund("re_2").unwrap();
    let customer = bench.post("/v1/customers", json!({"email": "a@b.example"})).await.1;
    let wallet = json!({"customer_id": customer["id"], "type": "google_pay", "data": {}});
    bench.post("/v1/payment-methods", wallet).await;
    let other = bench.intent("pi_2").await;
    bench.confirm(&other, "4000000000003220").await;
    bench.sandbox.complete_action("pi_2", false).unwrap();
    bench.sandbox.charge_back("pi_1", 7_000).unwrap();
    bench.sandbox.webhooks_idle().await;
    assert_eq!(
        received.types(),
        [
            "payment.succeeded",
            "refund.succeeded",
            "refund.failed",
            "customer.created",
            "payment_method.updated",
            "payment.requires_action",
            "payment.failed",
            "payment.charged_back"
        ]
    );
    for (signature, body) in lock(&received.0).iter() {
        assert_eq!(*signature, hmac_hex(&WEBHOOK_SECRET.into(), body));
    }
    let bodies = received.bodies();
    assert_eq!((&bodies[0]["reference_id"], &bodies[0]["payment_intent_id"]), (&json!("pi_1"), &json!(id)));
    assert_eq!((bodies[1]["amount"].to_string().as_str(), &bodies[1]["reference_id"]), ("25.00", &json!("re_1")));
    assert_eq!(bodies[3]["customer_id"], customer["id"]);
    assert_eq!((bodies[7]["amount"].to_string().as_str(), &bodies[7]["payment_intent_id"]), ("70.00", &json!(id)));
}

#[tokio::test]
async fn copies_and_shuffling_change_number_and_order() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.sandbox.faults().set(|switches| {
        switches.webhooks.extra_copies = 1;
        switches.webhooks.shuffle = true;
        switches.webhooks.hold = true;
    });
    let id = bench.paid("pi_1").await;
    bench.post("/v1/refunds", json!({"payment_id": id})).await;
    bench.sandbox.webhooks_idle().await;
    assert!(received.types().is_empty(), "they are held");
    bench.sandbox.deliver_held();
    bench.sandbox.webhooks_idle().await;
    let expected = ["refund.succeeded", "refund.succeeded", "payment.succeeded", "payment.succeeded"];
    assert_eq!(received.types(), expected);
    let bodies = received.bodies();
    assert_eq!(bodies[0], bodies[1], "copies are the same to the byte");
}

#[tokio::test]
async fn a_lost_webhook_never_comes() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    bench.paid("pi_1").await;
    bench.sandbox.faults().clear();
    bench.paid("pi_2").await;
    bench.sandbox.webhooks_idle().await;
    assert_eq!(received.bodies().len(), 1);
    assert_eq!(received.bodies()[0]["reference_id"], "pi_2");
}

#[tokio::test]
async fn a_webhook_without_an_address_is_lost_and_not_said_to_be_delivered() {
    let bench = Bench::start().await;
    bench.paid("pi_1").await;
    bench.sandbox.webhooks_idle().await;
    let told: Vec<_> = bench.sandbox.webhooks().iter().map(|record| (record.state, record.attempts)).collect();
    assert_eq!(told, [(WebhookState::Lost, 0)]);
}

#[tokio::test]
async fn what_is_not_accepted_comes_again() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 1).await;
    bench.paid("pi_1").await;
    bench.sandbox.webhooks_idle().await;
    assert_eq!(received.types(), ["payment.succeeded", "payment.succeeded"]);
}

#[tokio::test]
async fn one_that_is_not_accepted_delays_no_other_when_several_are_delivered_at_a_time() {
    let bench = Bench::start_with(SandboxOptions { webhooks_at_a_time: 2, ..settings() }).await;
    let received = ReceivedWebhook::start(&bench, 1).await;
    bench.sandbox.faults().set(|switches| switches.webhooks.hold = true);
    bench.paid("pi_1").await;
    bench.paid("pi_2").await;
    bench.sandbox.deliver_held();
    bench.sandbox.webhooks_idle().await;
    let bodies = received.bodies();
    assert_eq!(bodies.len(), 3);
    assert_ne!(bodies[0], bodies[1], "the first is refused, and the other comes before it comes again");
    assert_eq!(bodies[0], bodies[2]);
}

#[tokio::test]
async fn forgeries_can_be_sent() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 1).await;
    assert_eq!(bench.sandbox.send_webhook("not json", Some("forged")).await.unwrap(), 503);
    assert_eq!(bench.sandbox.send_webhook("{}", None).await.unwrap(), 200);
    let all = lock(&received.0);
    assert_eq!(all[0].0, "forged");
    assert_eq!(all[1].0, hmac_hex(&WEBHOOK_SECRET.into(), b"{}"));
}
