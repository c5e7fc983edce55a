//! Credentials, and what requests leave behind.

use std::time::Duration;

use serde_json::json;

use super::{APPROVED, INVOICES, SALE, invoice};
use crate::sandbox::{
    SandboxAccount, TOKEN_LIFETIME,
    tests::{Bench, answer},
};

#[tokio::test]
async fn wrong_credentials_are_refused_and_change_nothing() {
    let bench = Bench::start().await;
    for authorization in ["", "Basic bm9ib2R5OmtleQ==", "Bearer sandbox-commerce-api-key"] {
        let request = bench.http.post(bench.url(INVOICES)).header("authorization", authorization);
        let (status, refusal) = answer(request.body(invoice(json!({})).to_string())).await.unwrap();
        assert_eq!((status, &refusal["errors"][0]["status"]), (401, &json!("401")), "{authorization}");
    }
    assert!(bench.sandbox.payments().is_empty());
    assert_eq!(bench.sandbox.request_count("POST", INVOICES), 0);
}

#[tokio::test]
async fn the_private_api_stands_below_api_as_well() {
    let bench = Bench::start().await;
    let made = bench.send("/api/payment-invoices", &invoice(json!({"reference_id": "pi_1"}))).await.1;
    let id = made["data"]["id"].as_str().unwrap();
    assert_eq!(bench.read(&format!("/api{INVOICES}/{id}")).await, bench.read(&format!("{INVOICES}/{id}")).await);
    assert_eq!(bench.sandbox.request_count("POST", INVOICES), 1);
    assert_eq!(bench.sandbox.requests()[0].reference.as_deref(), Some("pi_1"));
}

#[tokio::test]
async fn a_card_token_opens_the_gate_for_an_hour_and_only_as_it_was_issued() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let token = made["attributes"]["flow_data"]["metadata"]["token"].as_str().unwrap();
    let forged = format!("{}x.{}", token.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);
    bench.clock.advance(TOKEN_LIFETIME - Duration::from_secs(1));
    assert_eq!(bench.sell_with(&forged, APPROVED, ("12", "30")).await.unwrap().0, 401);
    assert_eq!(bench.sell_with("none", APPROVED, ("12", "30")).await.unwrap().0, 401);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.sell(&made, APPROVED, ("12", "30")).await.unwrap().0, 401);
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 0);
    assert_eq!(bench.sandbox.request_count("POST", SALE), 0);
}

#[tokio::test]
async fn the_public_key_opens_the_list_of_services() {
    let bench = Bench::start().await;
    let ask = async |key: &str, currency: &str, amount: u32| {
        let body = json!({"public_key": key, "currency": currency, "amount": amount});
        answer(bench.http.post(bench.url("/public-api/payment-prerequest")).body(body.to_string())).await.unwrap()
    };
    let key = SandboxAccount::default().public_key;
    assert_eq!(ask("pk_test_another", "EUR", 10).await.0, 401);
    let (status, offered) = ask(&key, "EUR", 10).await;
    let attributes = &offered["data"]["attributes"];
    assert_eq!((status, &attributes["services"]["ideal_eur_hpp"]["method"]), (200, &json!("ideal")));
    assert_eq!(attributes["services"]["mb_way_eur_hpp"]["fields"][0]["key"], "phone");
    assert_eq!(attributes["methods"]["payment_card"]["name"], "Card");
    assert_eq!(ask(&key, "CHF", 10).await.1["data"]["attributes"]["services"], json!([]), "an empty object is a list");
    assert_eq!(ask(&key, "EUR", 2_000_000).await.1["data"]["attributes"]["methods"], json!([]));
}

#[tokio::test]
async fn the_balances_are_what_is_left_of_the_money() {
    let bench = Bench::start().await;
    let paid = bench.paid_invoice(json!({"amount": 10.5, "reference_id": "pi_1"})).await;
    bench.sandbox.refund_from_dashboard("pi_1", 50).unwrap();
    let (status, account) = bench.read("/account/balances").await;
    let balances = &account["data"]["attributes"]["currency_accounts"];
    assert_eq!((status, &account["data"]["id"]), (200, &json!(SandboxAccount::default().account_id)));
    assert_eq!(balances["USD"]["active_balance"], json!(10));
    assert_eq!(balances["EUR"]["active_balance"], json!(0));
    assert_eq!(bench.shown(&paid).await["attributes"]["refunded_amount"].to_string(), "0.5");
}

#[tokio::test]
async fn requests_are_noted_without_their_cards() {
    let bench = Bench::start().await;
    bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    assert_eq!(bench.sandbox.request_count("POST", SALE), 1);
    let seen = bench.page("/_sandbox/requests").await;
    assert!(seen.contains("pi_1") && !seen.contains(APPROVED), "{seen}");
}

#[tokio::test]
async fn both_dialects_move_the_money_of_one_ledger() {
    let bench = Bench::start().await;
    bench.intent("in_intents").await;
    bench.sandbox.charge_late("in_intents").unwrap();
    bench.paid_invoice(json!({"reference_id": "in_commerce"})).await;
    let entries = bench.sandbox.ledger().entries;
    let references: Vec<_> = entries.iter().filter_map(|entry| entry.reference.as_deref()).collect();
    assert_eq!(references, ["in_intents", "in_commerce"]);
    assert_eq!(bench.sandbox.payments().len(), 2);
}
