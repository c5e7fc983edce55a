//! The payer's page.

use serde_json::json;

use super::{ASKED_BY_BANK, state};
use crate::sandbox::tests::Bench;

fn card(number: &str) -> [(&str, &str); 6] {
    let expiry = [("exp_month", "12"), ("exp_year", "30")];
    [("decision", "card"), ("card_number", number), ("cvv", "123"), ("card_holder", "JANE DOE"), expiry[0], expiry[1]]
}

#[tokio::test]
async fn a_payer_chooses_on_the_page_and_is_sent_back() {
    let bench = Bench::start().await;
    for (reference, decision, word, resolution, link) in [
        ("pi_1", "approve", "processed", "ok", "https://shop.example/ok"),
        ("pi_2", "decline", "process_failed", "general_decline", "https://shop.example/back"),
    ] {
        let made = bench
            .invoice(json!({
                "reference_id": reference, "currency": "EUR", "service": "ideal_eur_hpp",
                "return_url": "https://shop.example/back", "return_urls": {"success": "https://shop.example/ok"},
            }))
            .await;
        let entrance = bench.http.get(made["attributes"]["hpp_url"].as_str().unwrap()).send().await.unwrap();
        let path = entrance.headers()["location"].to_str().unwrap().to_owned();
        assert!(bench.page(&path).await.contains("100.00 EUR"));
        let (status, location, _) = bench.submit(&path, &[("decision", decision)]).await;
        assert_eq!((status, location.as_str()), (303, link));
        assert_eq!(bench.state_of(&made).await, state(word, resolution));
        assert!(bench.page(&path).await.contains("Nothing to pay"));
    }
    assert_eq!((bench.sandbox.ledger().charged("pi_1"), bench.sandbox.ledger().charged("pi_2")), (10_000, 0));
}

#[tokio::test]
async fn a_declined_card_leaves_the_page_open_until_the_attempts_are_used_up() {
    let bench = Bench::start().await;
    let made = bench.invoice(json!({"gateway_options": {"cardgate": {"retry_limit": 2}}})).await;
    let path = made["attributes"]["flow_data"]["action"].as_str().unwrap().to_owned();
    bench.submit(&path, &card("4000000000009995")).await;
    assert_eq!(bench.state_of(&made).await, state("process_pending", "insufficient_funds"));
    assert!(bench.page(&path).await.contains("Declined"));
    bench.submit(&path, &card("4000000000000069")).await;
    assert_eq!(bench.state_of(&made).await, state("process_failed", "card_expired"));
    bench.submit(&path, &card("4111111111111111")).await;
    assert_eq!(bench.state_of(&made).await, state("process_failed", "card_expired"), "it is over");
}

#[tokio::test]
async fn a_card_on_the_page_may_lead_to_the_bank() {
    let bench = Bench::start().await;
    let made = bench.invoice(json!({"reference_id": "pi_1", "service": null})).await;
    let path = made["attributes"]["flow_data"]["action"].as_str().unwrap().to_owned();
    assert_eq!(bench.submit(&path, &card("4111111111111112")).await.0, 422);
    bench.submit(&path, &card(ASKED_BY_BANK)).await;
    assert!(bench.page(&path).await.contains("Continue to your bank"));
    bench.sandbox.complete_action("pi_1", true).unwrap();
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn nobody_comes_back_from_a_bank_that_did_not_ask() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let pid = made["id"].as_str().unwrap().replace("cpi_", "pay_");
    bench.submit(&format!("/complete-auth?pid={pid}"), &[("PaRes", "approve")]).await;
    assert_eq!(bench.state_of(&made).await, state("created", "ok"));
    let foreign = [("MD", "x"), ("PaReq", "x"), ("TermUrl", "https://elsewhere.example/")];
    assert_eq!(bench.submit("/acs/auth", &foreign).await.0, 400);
}

#[tokio::test]
async fn a_payer_is_sent_on_to_a_link_that_no_header_could_carry_as_it_is() {
    let bench = Bench::start().await;
    for path in ["/hpp/a%0Ab", "/3ds/a%0Ab"] {
        let (status, location, _) = bench.submit(path, &[("decision", "decline")]).await;
        assert_eq!((status, location.ends_with("a%0Ab")), (303, true), "{path}: {location}");
    }
}
