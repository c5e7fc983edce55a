//! Credentials, signatures, and what stands open.

use serde_json::json;

use super::{Bench, answer, intent};

#[tokio::test]
async fn a_signed_request_is_served() {
    let bench = Bench::start().await;
    let (status, body) = bench.get("/v1/payment-methods/supported").await;
    assert_eq!(status, 200);
    assert_eq!(body["data"][0]["type"], "card");
}

#[tokio::test]
async fn the_contract_s_own_vector_is_accepted() {
    let bench = Bench::start().await;
    let body = r#"{"amount":100.0,"currency":"USD"}"#;
    let mut request = bench.request("POST", "/v1/payment-intents", body).build().unwrap();
    let signature = "18a3fdba8d6d979e689b8ed406511a0552980e002906f28356d512f225adfe2c";
    assert_eq!(request.headers()["x-timestamp"], "1700000000");
    request.headers_mut().insert("x-signature", signature.parse().unwrap());
    let response = bench.http.execute(request).await.unwrap();
    // The vector's body lacks `payment_method`, which the sandbox wants; the signature passed.
    assert_ne!(response.status(), 401);
}

#[tokio::test]
async fn every_wrong_credential_is_refused_and_changes_nothing() {
    let bench = Bench::start().await;
    let stale = (1_700_000_000 - 301).to_string();
    for (header, value) in [
        ("authorization", "Bearer another"),
        ("x-api-key", "another"),
        ("x-client-key", "another"),
        ("x-timestamp", stale.as_str()),
        ("x-timestamp", "soon"),
        ("x-signature", "00"),
    ] {
        let mut request = bench.request("POST", "/v1/payment-intents", &intent("a").to_string()).build().unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        let response = bench.http.execute(request).await.unwrap();
        assert_eq!(response.status(), 401, "{header}");
        assert!(response.text().await.unwrap().contains("authentication_failed"));
    }
    assert!(bench.sandbox.payments().is_empty());
    assert_eq!(bench.sandbox.request_count("POST", "/v1/payment-intents"), 0);
}

#[tokio::test]
async fn a_signature_over_another_body_is_refused() {
    let bench = Bench::start().await;
    let request = bench.request("POST", "/v1/payment-intents", "{}").body(intent("a").to_string());
    assert_eq!(answer(request).await.unwrap().0, 401);
}

#[tokio::test]
async fn requests_are_noted_without_their_cards() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    assert_eq!(bench.sandbox.request_count("POST", super::CONFIRM), 1);
    let seen = bench.http.get(bench.url("/_sandbox/requests")).send().await.unwrap().text().await.unwrap();
    assert!(seen.contains(&id) && seen.contains("pi_1"), "{seen}");
    assert!(!seen.contains("4111111111111111"));
    assert_eq!(bench.sandbox.requests()[0].reference.as_deref(), Some("pi_1"));
}

#[tokio::test]
async fn the_ledger_and_the_payments_can_be_read_without_credentials() {
    let bench = Bench::start().await;
    bench.paid("pi_1").await;
    let read = async |path: &str| answer(bench.http.get(bench.url(path))).await.unwrap().1;
    let ledger = read("/_sandbox/ledger").await;
    assert_eq!(ledger["entries"][0]["kind"], "charge");
    assert_eq!(ledger["entries"][0]["amount"], json!({"minor": 10_000, "currency": "USD"}));
    assert_eq!(read("/_sandbox/payments").await[0]["status"], "succeeded");
}

#[tokio::test]
async fn faults_can_be_set_over_http() {
    let bench = Bench::start().await;
    let wanted = json!({
        "switches": {"hide_payments": true},
        "plans": [{"count": 1, "method": "POST", "template": "/v1/payment-intents", "fault": {"http": 503}}],
    });
    let response = bench.http.post(bench.url("/_sandbox/faults")).json(&wanted).send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(bench.post("/v1/payment-intents", intent("a")).await.0, 503);
    let id = bench.intent("a").await;
    assert_eq!(bench.get(&format!("/v1/payments/{id}")).await.0, 404);
}
