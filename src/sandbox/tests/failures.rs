//! Repetition, and the faults that are set from outside.

use serde_json::json;

use super::{Bench, CONFIRM, LONG_PATIENCE, SHORT_PATIENCE, answer, card, intent};
use crate::sandbox::faults::{Fault, ShownRefunds, ShownTime};

const CREATE: &str = "/v1/payment-intents";

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_is_executed_once() {
    let bench = Bench::start().await;
    let first = bench.post_with_key(CREATE, "op_1", intent("pi_1")).await.unwrap();
    assert_eq!(first.0, 201);
    assert_eq!(bench.post_with_key(CREATE, "op_1", intent("pi_1")).await.unwrap(), first);
    assert_eq!(bench.sandbox.payments().len(), 1);
    let (status, refusal) = bench.post_with_key(CREATE, "op_1", intent("pi_2")).await.unwrap();
    assert_eq!((status, &refusal["error_code"]), (409, &json!("idempotency_key_reused")));
}

#[tokio::test]
async fn the_answer_that_was_lost_can_be_had_again() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    let path = format!("{CREATE}/{id}/confirm");
    assert!(bench.post_with_key(&path, "op_1", card("4000000000004442")).await.is_none());
    let (status, paid) = bench.post_with_key(&path, "op_1", card("4000000000004442")).await.unwrap();
    assert_eq!((status, &paid["status"]), (200, &json!("succeeded")));
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 10_000);
}

#[tokio::test]
async fn a_used_reference_is_refused_with_the_id_of_its_owner() {
    let bench = Bench::start().await;
    let id = bench.intent("same").await;
    let (status, refusal) = bench.post(CREATE, intent("same")).await;
    assert_eq!(status, 409);
    assert_eq!((&refusal["error_code"], &refusal["id"]), (&json!("duplicate_reference"), &json!(id)));
    let customer = json!({"email": "a@b.example", "reference_id": "same"});
    assert_eq!(bench.post("/v1/customers", customer.clone()).await.0, 201, "another kind has references of its own");
    assert_eq!(bench.post("/v1/customers", customer).await.0, 409);
}

#[tokio::test]
async fn a_careless_upstream_ignores_keys_and_references() {
    let bench = Bench::start().await;
    bench.sandbox.faults().set(|switches| {
        switches.ignore_idempotency_keys = true;
        switches.ignore_references = true;
    });
    for _ in 0..2 {
        assert_eq!(bench.post_with_key(CREATE, "op_1", intent("pi_1")).await.unwrap().0, 201);
    }
    assert_eq!(bench.sandbox.payments().len(), 2);
}

#[tokio::test]
async fn a_careless_upstream_charges_again() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    bench.sandbox.faults().set(|switches| switches.charge_again = true);
    bench.confirm(&id, "4111111111111111").await;
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 20_000);
}

#[tokio::test]
async fn planned_faults_hit_their_requests_in_order_and_no_more() {
    let mut bench = Bench::start().await;
    let cases = [
        (Fault::Http(500), Some(500), false),
        (Fault::Http(429), Some(429), false),
        (Fault::HttpAfterExecute(502), Some(502), true),
        (Fault::DropBefore, None, false),
        (Fault::DropAfterExecute, None, true),
        (Fault::Hang, None, false),
        (Fault::HangAfterExecute, None, true),
        (Fault::Garbage, None, true),
        (Fault::WrongAmount, Some(201), true),
    ];
    for (fault, _, _) in cases {
        bench.sandbox.faults().fail_next(1, "POST", CREATE, fault);
    }
    for (number, (fault, status, is_executed)) in cases.into_iter().enumerate() {
        let never_answers = matches!(fault, Fault::Hang | Fault::HangAfterExecute);
        bench.patience = if never_answers { SHORT_PATIENCE } else { LONG_PATIENCE };
        let before = bench.sandbox.payments().len();
        let body = intent(&format!("pi_{number}")).to_string();
        let got = answer(bench.request("POST", CREATE, &body)).await;
        assert_eq!(got.map(|(status, _)| status), status, "{fault:?}");
        assert_eq!(bench.sandbox.payments().len() - before, usize::from(is_executed), "{fault:?}");
    }
    bench.patience = LONG_PATIENCE;
    bench.intent("afterwards").await;
}

#[tokio::test]
async fn a_cut_connection_shows_not_even_a_status() {
    let bench = Bench::start().await;
    bench.sandbox.faults().fail_next(1, "GET", "/v1/payments/{id}", Fault::DropBefore);
    let error = bench.request("GET", "/v1/payments/x", "").send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_back() {
    let bench = Bench::start().await;
    let id = bench.intent("pi_1").await;
    bench.sandbox.faults().fail_next(1, "POST", CONFIRM, Fault::Http(429));
    let body = card("4111111111111111").to_string();
    let response = bench.request("POST", &format!("{CREATE}/{id}/confirm"), &body).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 0);
}

#[tokio::test]
async fn reads_can_hide_payments_or_show_a_word_nobody_knows() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    bench.sandbox.faults().set(|switches| switches.hide_payments = true);
    assert_eq!(bench.get(&format!("/v1/payments/{id}")).await.0, 404);
    bench.sandbox.faults().clear();
    bench.sandbox.faults().set(|switches| switches.show_unknown_status = true);
    assert_eq!(bench.status_of(&id).await, "on_hold");
}

#[tokio::test]
async fn a_payment_shows_its_refunds_and_its_time_as_the_switches_have_it() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    bench.sandbox.refund_from_dashboard(&id, 100).unwrap();
    let path = format!("/v1/payments/{id}");
    for (shown, sum, listed) in [
        (ShownRefunds::All, "1.00", Some(1)),
        (ShownRefunds::WithoutReferences, "1.00", Some(1)),
        (ShownRefunds::SumOnly, "1.00", None),
        (ShownRefunds::SumAndEmptyList, "1.00", Some(0)),
        (ShownRefunds::None, "0", Some(0)),
    ] {
        bench.sandbox.faults().set(|switches| switches.shown_refunds = shown);
        let (_, payment) = bench.get(&path).await;
        let told = (payment["amount_refunded"].to_string(), payment["refunds"].as_array().map(Vec::len));
        assert_eq!(told, (sum.to_owned(), listed), "{shown:?}");
    }
    bench.sandbox.faults().set(|switches| switches.shown_time = ShownTime::WholeSeconds);
    assert!(bench.get(&path).await.1["updated_at"].as_str().is_some_and(|time| !time.contains('.')));
    bench.sandbox.faults().set(|switches| switches.shown_time = ShownTime::Missing);
    assert!(bench.get(&path).await.1["updated_at"].is_null());
}

#[tokio::test]
async fn a_late_answer_s_call_is_executed_at_once() {
    let mut bench = Bench::start().await;
    bench.patience = SHORT_PATIENCE;
    bench.sandbox.faults().set(|switches| switches.answer_delay_ms = 60_000);
    assert!(answer(bench.request("POST", CREATE, &intent("pi_1").to_string())).await.is_none());
    assert_eq!(bench.sandbox.payments().len(), 1);
}

#[tokio::test]
async fn a_payment_is_shown_as_somebody_else_has_it() {
    let bench = Bench::start().await;
    let id = bench.paid("pi_1").await;
    let other = bench.paid("pi_2").await;
    let path = format!("/v1/payments/{id}");
    let show = |name: &str, shown| {
        let shown = [(name.to_owned(), shown)].into();
        bench.sandbox.faults().set(|switches| switches.shown_payments = shown);
    };
    for name in [id.as_str(), "pi_1"] {
        show(name, json!({"amount": "12.00", "status": "processing"}));
        let (status, shown) = bench.get(&path).await;
        assert_eq!((status, &shown["amount"], &shown["status"]), (200, &json!("12.00"), &json!("processing")));
        assert_eq!(shown["id"], id, "all else is as it was");
        assert_eq!(bench.status_of(&other).await, "succeeded");
    }
    show(&id, json!(null));
    assert_eq!(bench.get(&path).await.0, 404);
    bench.sandbox.faults().clear();
    assert_eq!(bench.status_of(&id).await, "succeeded");
}
