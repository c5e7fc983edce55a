//! The sandbox's control from a shop's tests: payments are named by the ids that the gateway gave, and bring their outcomes with
//! them, in both of Corefy's APIs.

use corefy_gateway::{
    config::Config,
    pb::{self, PaymentIntentState as State},
    sandbox::LEDGER_HEADER,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    app::{TestApp, http_client},
    client::{APPROVED, Client, new_intent},
    database::{Backend, TestDatabase},
    refusal::refused,
};

/// An intent of 10.00 USD with this script.
fn scripted(script: &str) -> pb::CreatePaymentIntentRequest {
    let metadata = [("sandbox".to_owned(), script.to_owned())].into();
    pb::CreatePaymentIntentRequest { metadata, ..new_intent("10.00") }
}

async fn made(client: &Client, script: &str) -> pb::PaymentIntent {
    client.create_payment_intent(scripted(script)).await.unwrap().into_inner().payment_intent.unwrap()
}

async fn order(app: &TestApp, control: &str, body: Value) -> (StatusCode, Value) {
    let url = app.sandbox.base_url().join(&format!("/_sandbox/{control}")).unwrap();
    let answer = http_client().post(url).body(body.to_string()).send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// The gateway on SQLite beside each of the two APIs: what is tested does not touch the database.
async fn in_both_apis() -> [TestApp; 2] {
    let database = async || TestDatabase::new(Backend::Sqlite).await.unwrap();
    [TestApp::start(database().await).await, TestApp::start_commerce(database().await).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_brings_the_outcomes_of_its_attempts_and_refunds() {
    for app in in_both_apis().await {
        let client = app.client().await;
        let intent =
            made(&client, "decline:insufficient_funds,decline:card_expired,approve,refund:refuse,refund:fail").await;
        for code in ["insufficient_funds", "card_expired"] {
            let declined = client.confirm(&intent.id, APPROVED).await.unwrap();
            assert_eq!(declined.last_payment_error.unwrap().code, code);
        }
        assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
        assert!(client.refund(&intent.payment_id, "1.00").await.is_err(), "the first refund is refused");
        client.refund(&intent.payment_id, "2.00").await.unwrap();
        client.refund(&intent.payment_id, "3.00").await.unwrap();
        let expected =
            json!({"payment": intent.id, "charged": "10.00", "charges": 1, "refunded": "3.00", "refunds": 1});
        let (status, answer) = order(&app, "expect", expected).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_not_known_is_told_to_the_caller() {
    for app in in_both_apis().await {
        let client = app.client().await;
        let refusal = refused(client.create_payment_intent(scripted("aprove")).await);
        assert_eq!(refusal.code, Code::InvalidArgument, "{refusal:?}");
        let told = format!("{refusal:?}");
        assert!(told.contains("sandbox"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_did_not_move_as_expected_is_told_with_the_nearest_request() {
    for app in in_both_apis().await {
        let client = app.client().await;
        let intent = made(&client, "charged_500").await;
        client.confirm(&intent.id, APPROVED).await.unwrap();
        let refund = client.refund(&intent.payment_id, "4.00").await.ok();
        let expected = json!({"payment": intent.id, "charged": "10.00", "charges": 2});
        let (status, answer) = order(&app, "expect", expected).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(answer["differences"], json!([{"field": "charges", "expected": "2", "actual": "1"}]));
        let path = answer["nearest_request"]["path"].as_str().unwrap();
        assert!(path.ends_with("/confirm") || path == "/payment/sale", "{path}");
        if let Some(refund) = refund {
            let (status, answer) = order(&app, &format!("refunds/{}/return", refund.id), json!({})).await;
            assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("failed")), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_key_has_a_name_has_a_ledger_of_its_own() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let named = |config: &mut Config| config.upstream.api_key = "sandbox-api-key.shop-7".into();
    let app = TestApp::start_with(database, None, named).await;
    let intent = app.client().await.paid_intent("10.00").await;
    let (status, _) = order(&app, "expect", json!({"payment": intent.id, "charged": "10.00"})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is not in the first ledger");
    let url = app.sandbox.base_url().join("/_sandbox/expect").unwrap();
    let expected = json!({"payment": intent.id, "charged": "10.00", "charges": 1}).to_string();
    let answer = http_client().post(url).header(LEDGER_HEADER, "shop-7").body(expected).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
}
