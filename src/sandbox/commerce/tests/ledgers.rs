//! Ledgers apart in this dialect: the name stands behind the API key of the account.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{APPROVED, Bench, INVOICES, invoice};
use crate::sandbox::{LEDGER_HEADER, SandboxAccount, tests::answer};

#[tokio::test]
async fn the_card_gate_and_the_payer_s_page_are_those_of_the_account_s_ledger() {
    let bench = Bench::start().await;
    let account = SandboxAccount::default();
    let key = format!("{}.shop-1", account.api_key.expose_secret());
    let credentials = STANDARD.encode(format!("{}:{key}", account.account_id));
    let request = bench.http.post(bench.url(INVOICES)).header("authorization", format!("Basic {credentials}"));
    let body = invoice(json!({"reference_id": "pi_1"})).to_string();
    let made = answer(request.body(body)).await.unwrap().1["data"].clone();
    assert_eq!(bench.sell(&made, APPROVED, ("12", "30")).await.unwrap().0, 201);
    let ledger = bench.http.get(bench.url("/_sandbox/ledger")).header(LEDGER_HEADER, "shop-1");
    assert_eq!(answer(ledger).await.unwrap().1["entries"][0]["reference"], "pi_1");
    assert!(bench.sandbox.ledger().entries.is_empty());
    let page = made["attributes"]["hpp_url"].as_str().unwrap().split_once("/redirect").unwrap().1;
    let entered = bench.http.get(bench.url(&format!("/redirect{page}"))).send().await.unwrap();
    let session = entered.headers()["location"].to_str().unwrap().to_owned();
    assert!(bench.page(&session).await.contains("succeeded"));
}
