//! The control by HTTP: every call there is, and the document that describes them.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{Bench, LONG_PATIENCE, ReceivedWebhook, card};
use crate::sandbox::http_control::{OPENAPI, controls};

/// A path below the payment `pi_1`.
fn of_payment(control: &str) -> String {
    format!("/_sandbox/payments/pi_1/{control}")
}

impl Bench {
    /// Makes a call of the control; an answer without a body is `null`.
    pub(super) async fn control(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let request = self.http.request(method, self.url(path)).timeout(LONG_PATIENCE).body(body.to_owned());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(super) async fn order(&self, path: &str, body: Value) -> (u16, Value) {
        self.control(Method::POST, path, &body.to_string()).await
    }

    pub(super) async fn look(&self, path: &str) -> Value {
        let (status, value) = self.control(Method::GET, path, "").await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }
}

/// The methods and paths of the document, by the form in which it is written: paths two spaces in, methods four.
fn documented() -> BTreeSet<String> {
    let paths = OPENAPI.lines().skip_while(|line| *line != "paths:").skip(1).take_while(|line| line.starts_with(' '));
    let mut documented = BTreeSet::new();
    let mut path = "";
    for line in paths {
        let indent = line.len() - line.trim_start().len();
        let word = line.trim().trim_end_matches(':');
        match indent {
            2 => path = word,
            4 => drop(documented.insert(format!("{} {path}", word.to_uppercase()))),
            _ => {}
        }
    }
    documented
}

#[test]
fn the_document_has_every_call_that_there_is_and_no_other() {
    let served: BTreeSet<_> = controls().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(documented(), served);
    for reference in OPENAPI.split("$ref: \"#/components/").skip(1) {
        let (kind, name) = reference.split('"').next().unwrap().split_once('/').unwrap();
        let section = OPENAPI.split(&format!("\n  {kind}:\n")).nth(1).unwrap();
        assert!(
            section.contains(&format!("\n    {name}:\n")) || section.starts_with(&format!("    {name}:\n")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_documented_call_answers() {
    let bench = Bench::start().await;
    for call in documented() {
        let (method, path) = call.split_once(' ').unwrap();
        let (status, answer) = bench.control(method.parse().unwrap(), &path.replace(['{', '}'], ""), "{}").await;
        // An object of this name does not exist, or a field is required; anything else is done.
        let is_refused = [404, 422].contains(&status) && answer["message"] != Value::Null;
        assert!(is_refused || [200, 204].contains(&status), "{call}: {status} {answer}");
        assert!(!answer["message"].to_string().contains("openapi"), "{call} is not served");
    }
    let document = bench.http.get(bench.url("/_sandbox/openapi.yaml")).send().await.unwrap();
    assert_eq!(document.text().await.unwrap(), OPENAPI);
}

#[tokio::test]
async fn a_call_that_does_not_exist_is_refused_with_the_place_of_the_document() {
    let bench = Bench::start().await;
    for (method, path, status) in [
        (Method::GET, "/_sandbox/nothing", 404),
        (Method::DELETE, "/_sandbox/ledger", 405),
        (Method::GET, "/_sandbox/reset", 405),
    ] {
        let (answered, refusal) = bench.control(method, path, "").await;
        assert_eq!(answered, status, "{path}");
        assert!(refusal["message"].as_str().unwrap().contains("/_sandbox/openapi.yaml"), "{refusal}");
    }
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let bench = Bench::start().await;
    bench.intent("pi_1").await;
    let (status, refusal) = bench
        .order("/_sandbox/customers/cus_1/renew-cards", json!({"last4": 42, "expiry_yaer": 2035, "expiry_year": null}))
        .await;
    assert_eq!((status, &refusal["error_code"]), (422, &json!("validation_error")));
    let named: Vec<_> = refusal["errors"].as_object().unwrap().keys().collect();
    assert_eq!(named, ["expiry_yaer", "expiry_year", "last4"]);

    let faults = json!({"switches": {"hide_payments": 1, "hide_paymnets": true}, "plans": [{"count": 1}]});
    let (status, refusal) = bench.order("/_sandbox/faults", faults).await;
    let named: Vec<_> = refusal["errors"].as_object().unwrap().keys().collect();
    assert_eq!(status, 422);
    assert_eq!(named, ["plans[0]", "switches.hide_payments", "switches.hide_paymnets"]);

    for (amount, problem) in
        [(json!("10.555"), "at most 2 decimals"), (json!(10), "must be a text"), (json!("0"), "more")]
    {
        let (status, refusal) = bench.order(&of_payment("charge-back"), json!({"amount": amount})).await;
        assert_eq!(status, 422);
        assert!(refusal["errors"]["amount"][0].as_str().unwrap().contains(problem), "{refusal}");
    }
    assert_eq!(bench.control(Method::POST, "/_sandbox/reset", "[1]").await.0, 400);
    assert_eq!(bench.order("/_sandbox/reset", json!({"everything": true})).await.0, 422);
    assert_eq!(bench.look("/_sandbox/payments").await.as_array().unwrap().len(), 1, "nothing was forgotten");
}

#[tokio::test]
async fn payments_are_moved_by_payers_banks_and_time() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    assert_eq!(bench.order(&of_payment("settle"), json!({})).await.0, 409);
    bench.confirm(&id, "4000000000003220").await;
    let (status, payment) = bench.order(&of_payment("complete"), json!({"answer": "decline"})).await;
    assert_eq!((status, payment["status"].as_str()), (200, Some("failed")));
    bench.confirm(&id, "4000000000000077").await;
    let (status, payment) = bench.order(&of_payment("settle"), json!({})).await;
    assert_eq!((status, payment["status"].as_str()), (200, Some("succeeded")));
    assert_eq!(bench.order(&of_payment("charge-late"), json!({})).await.0, 409);
    assert_eq!(bench.order(&of_payment("cancel"), json!({})).await.0, 409);
    assert_eq!(bench.order(&of_payment("refund"), json!({"amount": "30.00"})).await.0, 200);
    assert_eq!(bench.order(&of_payment("refund"), json!({})).await.0, 200);
    assert_eq!(bench.order(&of_payment("refund"), json!({})).await.0, 409);
    assert_eq!(bench.order(&of_payment("charge-back"), json!({"amount": "100.01"})).await.0, 409);
    assert_eq!(bench.order(&of_payment("charge-back"), json!({"amount": "40.00"})).await.0, 200);
    let (_, payment) = bench.order(&of_payment("charge-back"), json!({})).await;
    let ledger = bench.sandbox.ledger();
    assert_eq!(
        (ledger.charged("pi_1"), ledger.refunded("pi_1"), ledger.charged_back("pi_1")),
        (10_000, 10_000, 10_000)
    );
    assert_eq!(payment, bench.look("/_sandbox/payments/pi_1").await, "it is named by its reference");
    assert_eq!(payment, bench.look(&format!("/_sandbox/payments/{id}")).await, "and by its id");
    assert_eq!(bench.order("/_sandbox/payments/pi_2/cancel", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_payment_that_was_lost_can_be_charged_late_and_one_that_waits_be_cancelled() {
    let bench = Bench::start().await;
    bench.intent("pi_1").await;
    bench.intent("pi_2").await;
    assert_eq!(bench.order(&of_payment("charge-late"), json!({})).await.1["status"], "succeeded");
    assert_eq!(bench.order("/_sandbox/payments/pi_2/expire", json!({})).await.0, 409);
    assert_eq!(bench.order("/_sandbox/payments/pi_2/cancel", json!({})).await.1["status"], "canceled");
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
    assert_eq!(bench.sandbox.ledger().charged("pi_2"), 0);
}

#[tokio::test]
async fn refunds_are_settled_and_returned() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    let payment = id.replacen("in_", "cfpay_", 1);
    let refund = json!({"payment_id": payment, "amount": "10.61", "reference_id": "re_1"});
    assert_eq!(bench.post("/v1/refunds", refund).await.1["status"], "pending");
    assert_eq!(bench.order("/_sandbox/refunds/re_1/return", json!({})).await.0, 409);
    assert_eq!(bench.order("/_sandbox/refunds/re_1/settle", json!({})).await.1["status"], "succeeded");
    assert_eq!(bench.order("/_sandbox/refunds/re_1/settle", json!({})).await.0, 409);
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 1_061);
    assert_eq!(bench.order("/_sandbox/refunds/re_1/return", json!({})).await.1["status"], "failed");
    assert_eq!(bench.sandbox.ledger().refunded("pi_1"), 0);
    assert_eq!(bench.look("/_sandbox/refunds/re_1").await["error"]["code"], "returned_by_bank");
}

#[tokio::test]
async fn customers_and_their_cards_change() {
    let bench = Bench::start().await;
    let customer = json!({"email": "a@shop.test", "name": "A", "reference_id": "cus_1"});
    let id = bench.post("/v1/customers", customer).await.1["id"].as_str().unwrap().to_owned();
    let changed = json!({"email": "b@shop.test", "name": "B"});
    assert_eq!(bench.order("/_sandbox/customers/cus_1/change", changed).await.0, 204);
    assert_eq!(bench.get(&format!("/v1/customers/{id}")).await.1["email"], "b@shop.test");
    let saved = bench.order("/_sandbox/customers/cus_1/cards", json!({})).await.1;
    let renewal = |last4: &str| json!({"expiry_year": 2039, "last4": last4});
    assert_eq!(bench.order("/_sandbox/customers/cus_1/renew-cards", renewal("0000")).await.0, 404);
    let (status, renewed) = bench.order("/_sandbox/customers/cus_1/renew-cards", renewal("4444")).await;
    assert_eq!((status, renewed), (200, json!({"renewed": 1})));
    let methods = bench.get(&format!("/v1/customers/{id}/payment-methods")).await.1;
    assert_eq!(methods["data"][0]["id"], saved["id"]);
    assert_eq!(methods["data"][0]["card"]["expiry_year"], 2039);
}

#[tokio::test]
async fn webhooks_are_listed_held_released_and_sent_again() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 1).await;
    bench.paid("pi_1").await;
    assert_eq!(bench.order("/_sandbox/webhooks/wait", json!({})).await.0, 204);
    let listed = bench.look("/_sandbox/webhooks").await;
    let seen = |webhook: &Value| json!([webhook["event"], webhook["reference"], webhook["state"], webhook["attempts"]]);
    assert_eq!(seen(&listed[0]), json!(["payment.succeeded", "pi_1", "delivered", 2]), "the first attempt was refused");

    assert_eq!(bench.order("/_sandbox/webhooks/hold", json!({})).await.0, 204);
    bench.paid("pi_2").await;
    assert_eq!(bench.look("/_sandbox/webhooks").await[1]["state"], "held");
    assert_eq!(bench.order("/_sandbox/webhooks/wh_1/resend", json!({})).await.0, 204);
    assert_eq!(bench.order("/_sandbox/webhooks/wh_3/resend", json!({})).await.0, 404);
    assert_eq!(bench.order("/_sandbox/webhooks/wait", json!({})).await.0, 204);
    assert_eq!(bench.order("/_sandbox/webhooks/release", json!({})).await.0, 204);
    assert_eq!(bench.order("/_sandbox/webhooks/wait", json!({"timeout_ms": 30_000})).await.0, 204);
    let references: Vec<_> = received.bodies().iter().map(|body| body["reference_id"].clone()).collect();
    assert_eq!(references, ["pi_1", "pi_1", "pi_1", "pi_2"], "refused, delivered, sent again, released");
    assert_eq!(bench.order("/_sandbox/webhooks/wait", json!({"timeout_ms": 60_001})).await.0, 422);
}

#[tokio::test]
async fn webhooks_that_are_under_way_are_waited_for_no_longer_than_asked() {
    let bench = Bench::start().await;
    let _refuses = ReceivedWebhook::start(&bench, usize::MAX).await;
    let delay = json!({"switches": {"webhooks": {"delay_ms": 60_000}}});
    assert_eq!(bench.order("/_sandbox/faults", delay).await.0, 204);
    bench.paid("pi_1").await;
    assert_eq!(bench.order("/_sandbox/webhooks/wait", json!({"timeout_ms": 1})).await.0, 409);
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_address_of_webhooks() {
    let bench = Bench::start().await;
    let received = ReceivedWebhook::start(&bench, 0).await;
    bench.paid("pi_1").await;
    bench.sandbox.webhooks_idle().await;
    bench.order("/_sandbox/faults", json!({"switches": {"hide_payments": true}})).await;
    bench.order("/_sandbox/webhooks/hold", json!({})).await;
    bench.paid("pi_2").await;
    assert_eq!(bench.order("/_sandbox/reset", json!({})).await.0, 204);
    assert_eq!(bench.look("/_sandbox/ledger").await, json!({"entries": []}));
    for list in ["payments", "requests", "webhooks"] {
        assert_eq!(bench.look(&format!("/_sandbox/{list}")).await, json!([]), "{list}");
    }
    bench.order("/_sandbox/webhooks/release", json!({})).await;
    let again = bench.paid("pi_1").await;
    bench.sandbox.webhooks_idle().await;
    assert_eq!(bench.status_of(&again).await, "succeeded", "nothing is hidden any more");
    let references: Vec<_> = received.bodies().iter().map(|body| body["reference_id"].clone()).collect();
    assert_eq!(references, ["pi_1", "pi_1"], "what was held is forgotten");
    let (status, _) = bench.confirm(&again, card("4111111111111111")["card_number"].as_str().unwrap()).await.unwrap();
    assert_eq!(status, 409);
}

#[tokio::test]
async fn money_is_as_expected_or_every_difference_is_named() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    let refund = json!({"payment_id": id.replacen("in_", "cfpay_", 1), "amount": "40.00", "reference_id": "re_1"});
    bench.post("/v1/refunds", refund).await;
    let right = json!({"payment": "pi_1", "charged": "100.00", "refunded": "40", "charges": 1, "refunds": 1,
        "charged_back": "0", "chargebacks": 0});
    let (status, answer) = bench.order("/_sandbox/expect", right).await;
    assert_eq!((status, &answer["moved"]["refunded"]), (200, &json!("40.00")), "{answer}");

    let wrong = json!({"payment": id, "charged": "100.00", "charges": 2, "refunded": "50.00"});
    let (status, answer) = bench.order("/_sandbox/expect", wrong).await;
    assert_eq!((status, &answer["error_code"]), (409, &json!("money_differs")));
    assert_eq!(
        answer["differences"],
        json!([
            {"field": "refunded", "expected": "50.00", "actual": "40.00"},
            {"field": "charges", "expected": "2", "actual": "1"},
        ])
    );
    assert_eq!(answer["nearest_request"]["path"], format!("/v1/payment-intents/{id}/confirm"));
    let wrong = json!({"payment": "pi_1", "refunds": 0});
    let nearest = bench.order("/_sandbox/expect", wrong).await.1["nearest_request"].clone();
    assert_eq!((&nearest["path"], &nearest["reference"]), (&json!("/v1/refunds"), &json!("re_1")));
    bench.order("/_sandbox/refunds/re_1/return", json!({})).await;
    let returned = json!({"payment": "pi_1", "refunded": "0.00", "refunds": 0, "charged": "100.00"});
    assert_eq!(bench.order("/_sandbox/expect", returned).await.0, 200);
}

#[tokio::test]
async fn a_payment_that_corefy_never_heard_of_is_told_from_one_without_money() {
    let bench = Bench::start().await;
    bench.intent("pi_1").await;
    bench.intent("pi_other").await;
    let (status, answer) = bench.order("/_sandbox/expect", json!({"payment": "pi_one", "charged": "0.00"})).await;
    assert_eq!((status, &answer["error_code"]), (404, &json!("not_found")));
    assert_eq!(answer["nearest_request"]["reference"], "pi_other", "its name begins alike");
    let expect = |payment: &str, known: bool| json!({"payment": payment, "known": known});
    assert_eq!(bench.order("/_sandbox/expect", expect("pi_one", false)).await.0, 200);
    assert_eq!(bench.order("/_sandbox/expect", expect("pi_1", true)).await.0, 200);
    let (status, answer) = bench.order("/_sandbox/expect", expect("pi_1", false)).await;
    assert_eq!((status, &answer["differences"][0]["field"]), (409, &json!("known")));
    assert_eq!(bench.order("/_sandbox/expect", json!({"payment": "pi_1", "charged": "0.00"})).await.0, 200);
    for nothing in [json!({"payment": "pi_1"}), json!({"payment": "pi_1", "charged": null})] {
        assert_eq!(bench.order("/_sandbox/expect", nothing).await.0, 422, "nothing is expected");
    }
    let money_of_nothing = json!({"payment": "pi_one", "known": false, "charged": "100.00", "charges": 7});
    let (status, refusal) = bench.order("/_sandbox/expect", money_of_nothing).await;
    assert!(
        status == 422 && refusal["errors"]["charged"].is_array() && refusal["errors"]["charges"].is_array(),
        "{refusal}"
    );
    let (status, answer) =
        bench.order("/_sandbox/expect", json!({"payment": "pi_1", "charged": "-1", "charges": -1})).await;
    assert_eq!(status, 422);
    assert_eq!(answer["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["charged", "charges"]);
}

#[tokio::test]
async fn time_goes_by_when_a_test_says_so() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    bench.confirm(&id, "4000000000000077").await;
    let before = bench.clock.now();
    let (status, time) = bench.order("/_sandbox/clock", json!({"advance": "4s"})).await;
    assert_eq!((status, bench.sandbox.ledger().charged("pi_1")), (200, 0));
    assert_eq!(time["now"], bench.clock.now().to_string());
    assert_eq!(bench.order("/_sandbox/clock", json!({"advance": "1s"})).await.0, 200);
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
    assert_eq!(bench.clock.now().since(before), std::time::Duration::from_secs(5));
    for (body, status) in [
        (json!({"advance": "-1h"}), 422),
        (json!({"advance": 3600}), 422),
        (json!({"advance": "401d"}), 422),
        (json!({}), 422),
    ] {
        assert_eq!(bench.order("/_sandbox/clock", body.clone()).await.0, status, "{body}");
    }
    assert_eq!(bench.clock.now().since(before), std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn the_gateway_on_the_same_clock_catches_up_at_every_step() {
    let bench = Bench::start().await;
    let times = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (clock, seen) = (bench.clock.clone(), times.clone());
    bench.sandbox.on_advance(std::sync::Arc::new(move || {
        seen.lock().unwrap().push(clock.now());
        Box::pin(async {})
    }));
    let before = bench.clock.now();
    assert_eq!(bench.order("/_sandbox/clock", json!({"advance": "25h"})).await.0, 200);
    let seconds: Vec<_> = times.lock().unwrap().iter().map(|time| time.since(before).as_secs()).collect();
    assert_eq!((&seconds[..4], seconds.last()), (&[5, 10, 15, 20][..], Some(&90_000)));
    assert!(seconds.len() < 50, "{seconds:?}");
}

#[tokio::test]
async fn a_gateway_whose_clock_does_not_follow_is_still_known() {
    let environment = crate::domain::environment::Environment::ahead();
    let bench = Bench::start_in(super::settings(), environment).await;
    let id = bench.intent("pi_1").await;
    bench.sandbox.advance_clock(std::time::Duration::from_secs(3_600)).await.unwrap();
    assert_eq!(bench.status_of(&id).await, "requires_confirmation", "its clock followed");
    let machine = crate::domain::clock::Clock::system();
    let late = Bench { clock: machine, ..bench };
    assert_eq!(late.status_of(&id).await, "requires_confirmation", "its clock did not");
}
