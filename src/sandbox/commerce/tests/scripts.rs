//! Outcomes that invoices bring themselves, as words of their metadata.

use serde_json::{Value, json};

use super::{APPROVED, Bench, INVOICES, invoice, state};

const LATER: (&str, &str) = ("12", "30");

fn scripted(reference: &str, script: &str) -> Value {
    json!({"reference_id": reference, "metadata": {"sandbox": script}})
}

#[tokio::test]
async fn the_words_of_an_intent_go_on_over_its_invoices() {
    let bench = Bench::start().await;
    for (reference, wanted) in [
        ("pi_1", state("process_failed", "insufficient_funds")),
        ("pi_1-2", state("process_failed", "card_lost")),
        ("pi_1-3", state("processed", "ok")),
        ("pi_2", state("process_failed", "insufficient_funds")),
    ] {
        let made = bench.invoice(scripted(reference, "decline:insufficient_funds,decline:lost_card,approve")).await;
        bench.sell(&made, APPROVED, LATER).await.unwrap();
        assert_eq!(bench.state_of(&made).await, wanted, "{reference}");
    }
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn a_card_that_is_saved_keeps_its_own_effect() {
    let bench = Bench::start().await;
    let customer = json!({"reference_id": "cus_1"});
    let mut attributes = scripted("pi_1", "charge_back");
    attributes["customer"] = customer.clone();
    attributes["gateway_options"] = json!({"cardgate": {"tokenize": true}});
    let paid = bench.paid_invoice(attributes).await;
    let token = paid["attributes"]["payload"]["token"].as_str().unwrap();
    let instant = json!({"reference_id": "pi_2", "token": token, "customer": customer,
        "gateway_options": {"cardgate": {"instant": true}}});
    bench.invoice(instant.clone()).await;
    let mut declined = instant;
    declined["reference_id"] = json!("pi_3");
    declined["metadata"] = json!({"sandbox": "decline:lost_card"});
    let declined = bench.invoice(declined).await;
    assert_eq!(bench.state_of(&declined).await.1, "card_lost", "a script decides about an instant payment as well");
    bench.clock.advance(crate::sandbox::CHARGEBACK_TIME);
    bench.sandbox.settle_due();
    let ledger = bench.sandbox.ledger();
    assert_eq!((ledger.charged_back("pi_1"), ledger.charged("pi_2"), ledger.charged_back("pi_2")), (10_000, 10_000, 0));
}

#[tokio::test]
async fn a_word_that_is_not_known_is_refused_by_its_field() {
    let bench = Bench::start().await;
    let (status, refusal) = bench.send(INVOICES, &invoice(scripted("pi_1", "refund:never"))).await;
    assert_eq!(status, 422);
    assert!(refusal.to_string().contains("metadata/sandbox") && refusal.to_string().contains("pend_fail"), "{refusal}");
}
