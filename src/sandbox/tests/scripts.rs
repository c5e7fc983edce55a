//! Outcomes that payments bring themselves, in both dialects, as words of their metadata.

use serde_json::{Value, json};

use super::{Bench, intent};
use crate::sandbox::script::{ATTEMPT_WORDS, REFUND_WORDS, SCRIPT_KEY};

const APPROVED: &str = "4111111111111111";

impl Bench {
    /// Creates a payment with this script; answers with its id.
    async fn scripted(&self, reference: &str, script: &str) -> String {
        let mut request = intent(reference);
        request["metadata"] = json!({SCRIPT_KEY: script});
        let (status, made) = self.post("/v1/payment-intents", request).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// Status and code of an attempt to pay.
    async fn attempt(&self, id: &str) -> (Value, Value) {
        let (_, answer) = self.confirm(id, APPROVED).await.unwrap();
        (answer["status"].clone(), answer["error"]["code"].clone())
    }
}

#[tokio::test]
async fn each_attempt_has_its_word_and_then_the_card_decides() {
    let bench = Bench::start().await;
    let id = bench.scripted("pi_1", "decline:insufficient_funds,decline:lost_card").await;
    let other = bench.scripted("pi_2", "decline:fraud_suspected").await;
    assert_eq!(bench.attempt(&id).await, (json!("failed"), json!("insufficient_funds")));
    assert_eq!(bench.attempt(&other).await, (json!("failed"), json!("fraud_suspected")), "each payment has its own");
    assert_eq!(bench.attempt(&id).await, (json!("failed"), json!("lost_card")));
    assert_eq!(bench.attempt(&id).await.0, "succeeded");
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn a_repeated_request_takes_no_word() {
    let bench = Bench::start().await;
    let id = bench.scripted("pi_1", "decline:insufficient_funds,approve").await;
    let path = format!("/v1/payment-intents/{id}/confirm");
    for _ in 0..2 {
        let (_, answer) = bench.post_with_key(&path, "key", super::card(APPROVED)).await.unwrap();
        assert_eq!(answer["status"], "failed");
    }
    assert_eq!(bench.attempt(&id).await.0, "succeeded");
}

#[tokio::test]
async fn refunds_have_words_of_their_own() {
    let bench = Bench::start().await;
    let id = bench.scripted("pi_1", "refund:fail,approve,refund:refuse").await;
    assert_eq!(bench.attempt(&id).await.0, "succeeded");
    let refund = json!({"payment_id": id.replacen("in_", "cfpay_", 1), "amount": "10.00"});
    assert_eq!(bench.post("/v1/refunds", refund.clone()).await.1["status"], "failed");
    assert_eq!(bench.post("/v1/refunds", refund.clone()).await.1["error_code"], "refund_refused");
    assert_eq!(bench.post("/v1/refunds", refund).await.1["status"], "succeeded");
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 1_000);
}

#[tokio::test]
async fn a_word_that_is_not_known_is_refused_by_its_field() {
    let bench = Bench::start().await;
    let mut request = intent("pi_1");
    request["metadata"] = json!({SCRIPT_KEY: "aprove"});
    let (status, refusal) = bench.post("/v1/payment-intents", request).await;
    assert_eq!((status, &refusal["error_code"]), (422, &json!("validation_error")));
    let problem = refusal["errors"]["metadata.sandbox"][0].as_str().unwrap();
    let known = ATTEMPT_WORDS.iter().map(|(word, ..)| word);
    known.for_each(|word| assert!(problem.contains(word), "{word}: {problem}"));
}

#[tokio::test]
async fn every_word_does_to_the_money_what_its_row_says() {
    let mut bench = Bench::start().await;
    bench.patience = super::SHORT_PATIENCE;
    for (word, _, description) in ATTEMPT_WORDS {
        let id = bench.scripted(&format!("pi_{word}"), word).await;
        bench.confirm(&id, APPROVED).await;
        let charged = bench.sandbox.ledger().charged(&format!("pi_{word}"));
        let is_charged = description.starts_with("charged");
        assert_eq!(charged, if is_charged { 10_000 } else { 0 }, "{word}");
    }
    for (word, _, description) in REFUND_WORDS {
        let reference = format!("pi_refund_{word}");
        let id = bench.scripted(&reference, &format!("refund:{word}")).await;
        bench.confirm(&id, APPROVED).await;
        let refund = json!({"payment_id": id.replacen("in_", "cfpay_", 1), "amount": "10.00"}).to_string();
        super::answer(bench.request("POST", "/v1/refunds", &refund)).await;
        let given_back = if description.starts_with("given back") { 1_000 } else { 0 };
        assert_eq!(bench.sandbox.ledger().refunded(&reference), given_back, "{word}");
    }
}
