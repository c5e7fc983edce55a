//! Ledgers apart by the name behind an API key: what one does and suffers, no other sees.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{Bench, LONG_PATIENCE, answer, card, intent};
use crate::sandbox::{LEDGER_HEADER, MAX_LEDGERS};

const KEY: &str = "api_key_0123456789";
const INTENTS: &str = "/v1/payment-intents";

impl Bench {
    /// A call with the key that this name is behind.
    pub(super) async fn post_in(&self, name: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("{KEY}.{name}");
        answer(self.request_by(&key, "POST", path, &body.to_string())).await.unwrap()
    }

    /// The ledger of this name, or a refusal.
    pub(super) async fn ledger_of(&self, name: &str) -> (u16, Value) {
        let request = self.http.get(self.url("/_sandbox/ledger")).timeout(LONG_PATIENCE).header(LEDGER_HEADER, name);
        answer(request).await.unwrap()
    }
}

#[tokio::test]
async fn each_name_behind_the_key_has_payments_money_and_faults_of_its_own() {
    let bench = Bench::start().await;
    for name in ["shop-1", "shop-2"] {
        let (status, made) = bench.post_in(name, INTENTS, intent("pi_1")).await;
        assert_eq!(status, 201, "the reference is free in each: {made}");
        let path = format!("{INTENTS}/{}/confirm", made["id"].as_str().unwrap());
        if name == "shop-1" {
            assert_eq!(bench.post_in(name, &path, card("4111111111111111")).await.1["status"], "succeeded");
            assert_eq!(bench.post_in("shop-2", &path, card("4111111111111111")).await.0, 404, "it is not the other's");
        }
    }
    let charges = |ledger: &Value| ledger["entries"].as_array().unwrap().len();
    assert_eq!(charges(&bench.ledger_of("shop-1").await.1), 1);
    assert_eq!(charges(&bench.ledger_of("shop-2").await.1), 0);
    assert!(bench.sandbox.ledger().entries.is_empty(), "the key without a name has its own");
    bench.sandbox.faults().set(|switches| switches.hide_payments = true);
    let reset = bench.http.post(bench.url("/_sandbox/reset")).header(LEDGER_HEADER, "shop-2").send().await.unwrap();
    assert_eq!(reset.status(), 204);
    assert_eq!(charges(&bench.ledger_of("shop-1").await.1), 1, "the others are not forgotten");
    assert!(bench.sandbox.faults().switches().hide_payments);
}

#[tokio::test]
async fn a_payer_s_page_is_found_without_a_key() {
    let bench = Bench::start().await;
    let made = bench.post_in("shop-1", INTENTS, intent("pi_1")).await.1;
    let id = made["id"].as_str().unwrap();
    bench.post_in("shop-1", &format!("{INTENTS}/{id}/confirm"), card("4000000000003220")).await;
    let page = bench.http.get(bench.url(&format!("/3ds/{id}"))).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let form = bench.http.post(bench.url(&format!("/3ds/{id}")));
    form.header("content-type", "application/x-www-form-urlencoded").body("decision=approve").send().await.unwrap();
    assert_eq!(bench.ledger_of("shop-1").await.1["entries"][0]["kind"], "charge");
}

#[tokio::test]
async fn time_goes_by_for_all_ledgers_and_the_gateway_whoever_lets_it() {
    let bench = Bench::start().await;
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = steps.clone();
    bench.sandbox.on_advance(Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }));
    let id = bench.intent("pi_1").await;
    bench.confirm(&id, "4000000000000077").await;
    let made = bench.post_in("shop-2", INTENTS, intent("pi_2")).await.1;
    let path = format!("{INTENTS}/{}/confirm", made["id"].as_str().unwrap());
    bench.post_in("shop-2", &path, card("4000000000000077")).await;
    let clock = bench.http.post(bench.url("/_sandbox/clock")).header(LEDGER_HEADER, "shop-1");
    assert_eq!(clock.body(r#"{"advance": "5s"}"#).send().await.unwrap().status(), 200);
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
    assert_eq!(bench.ledger_of("shop-2").await.1["entries"][0]["reference"], "pi_2");
    assert_eq!(steps.load(Ordering::SeqCst), 1, "the gateway that shares the clock has caught up");
}

#[tokio::test]
async fn a_key_that_is_wrong_before_the_name_opens_nothing() {
    let bench = Bench::start().await;
    let refused = answer(bench.request_by("another_key_0123456789.shop-1", "GET", "/v1/payments/in_1", "")).await;
    assert_eq!(refused.unwrap().0, 401);
    for name in ["Shop", "", "a b", &"a".repeat(41)] {
        assert_eq!(bench.ledger_of(name).await.0, 400, "{name:?}");
    }
}

#[tokio::test]
async fn there_is_an_end_to_ledgers() {
    let bench = Bench::start().await;
    for number in 0..MAX_LEDGERS {
        assert_eq!(bench.ledger_of(&format!("shop-{number}")).await.0, 200);
    }
    let (status, refusal) = bench.ledger_of("one-more").await;
    assert_eq!((status, &refusal["error_code"]), (503, &json!("sandbox_full")));
    assert_eq!(bench.ledger_of("shop-0").await.0, 200);
}

#[tokio::test]
async fn a_snapshot_has_everything_and_of_bodies_what_tells_of_nobody() {
    let bench = Bench::start().await;
    bench.paid("pi_1").await;
    let snapshot = answer(bench.http.get(bench.url("/_sandbox/snapshot"))).await.unwrap().1;
    assert_eq!(snapshot["ledger"]["entries"][0]["reference"], "pi_1");
    assert_eq!(snapshot["payments"][0]["status"], "succeeded");
    assert_eq!(snapshot["webhooks"][0]["event"], "payment.succeeded");
    assert_eq!(snapshot["requests"][0]["body"]["amount"], "100.00");
    assert_eq!(snapshot["requests"][1]["body"]["card_number"], "[redacted]");
    assert!(!snapshot.to_string().contains("4111111111111111"));
}
