//! The card gate: what each card does to the invoice and to the ledger.

use serde_json::{Value, json};

use super::{APPROVED, ASKED_BY_BANK, SALE, state};
use crate::sandbox::{
    COREFY_CARDS,
    cards::{CardEffect, TEST_CARDS},
    faults::Fault,
    tests::{Bench, SHORT_PATIENCE, answer},
};

const LATER: (&str, &str) = ("12", "30");

#[tokio::test]
async fn every_test_card_does_what_its_row_says() {
    let mut bench = Bench::start().await;
    let patience = bench.patience;
    for test in TEST_CARDS {
        let made = bench.card_invoice(test.number).await;
        let is_silent = matches!(test.effect, CardEffect::Fault(Fault::Hang | Fault::HangAfterExecute));
        bench.patience = if is_silent { SHORT_PATIENCE } else { patience };
        let answer = bench.sell(&made, test.number, LATER).await;
        bench.patience = patience;
        let (answered, truth) = match test.effect {
            CardEffect::Approve | CardEffect::ApproveThenChargeBack => (Some("processed"), "processed"),
            CardEffect::Decline(_) => (Some("process_failed"), "process_failed"),
            CardEffect::Challenge | CardEffect::Process => (Some("process_pending"), "process_pending"),
            CardEffect::Fault(Fault::WrongAmount) => (Some("processed"), "processed"),
            CardEffect::Fault(fault) if fault.executes() => (None, "processed"),
            CardEffect::Fault(_) => (None, "created"),
            _ => unreachable!("no card does that"),
        };
        let said = answer.as_ref().and_then(|(_, body)| body["status"].as_str());
        assert_eq!(said, answered, "{}", test.name);
        assert_eq!(bench.state_of(&made).await.0, truth, "{}", test.name);
        let charged = if truth == "processed" { 10_000 } else { 0 };
        assert_eq!(bench.sandbox.ledger().charged(test.number), charged, "{}", test.name);
    }
}

#[tokio::test]
async fn a_decline_is_told_by_corefy_s_word_for_it() {
    let bench = Bench::start().await;
    for (number, resolution) in [
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000127", "invalid_cvv"),
        ("4000000000000002", "issuer_decline"),
    ] {
        let made = bench.card_invoice(number).await;
        let declined = bench.sell(&made, number, LATER).await.unwrap();
        assert_eq!(declined, (201, json!({"status": "process_failed", "resolution": resolution})));
        assert_eq!(bench.state_of(&made).await, state("process_failed", resolution));
        assert_eq!(bench.sell(&made, APPROVED, LATER).await.unwrap().0, 409, "the invoice is over");
        assert_eq!(bench.sandbox.ledger().charged(number), 0);
    }
}

#[tokio::test]
async fn the_expiry_of_corefy_s_failing_cards_picks_the_resolution() {
    let bench = Bench::start().await;
    for (expiry, resolution) in [
        (("05", "29"), "insufficient_funds"),
        (("09", "33"), "declined"),
        (("08", "56"), "access_denied"),
        (("12", "30"), "general_fatal_error"),
    ] {
        let made = bench.card_invoice(resolution).await;
        bench.sell(&made, "4302912837020000", expiry).await.unwrap();
        assert_eq!(bench.state_of(&made).await, state("process_failed", resolution));
    }
}

#[tokio::test]
async fn corefy_s_cards_succeed_fail_or_stay_pending_as_published() {
    let bench = Bench::start().await;
    for card in COREFY_CARDS {
        let made = bench.card_invoice(card.number).await;
        bench.sell(&made, card.number, LATER).await.unwrap();
        if card.is_3ds {
            assert_eq!(bench.state_of(&made).await, state("process_pending", "auth_3ds_required"));
            bench.sandbox.complete_action(card.number, true).unwrap();
        }
        let expected = if card.succeeds { ("processed", 10_000) } else { ("process_failed", 0) };
        let charged = bench.sandbox.ledger().charged(card.number);
        assert_eq!((bench.state_of(&made).await.0.as_str(), charged), expected, "{}", card.number);
    }
    for (number, resolution) in [("5519283812030000", "ok"), ("5123817234060000", "auth_3ds_required")] {
        let made = bench.card_invoice(&format!("{number}-pending")).await;
        let (_, pending) = bench.sell(&made, number, ("07", "77")).await.unwrap();
        assert_eq!(pending["auth_payload"], Value::Null);
        assert_eq!(bench.state_of(&made).await, state("process_pending", resolution));
    }
}

#[tokio::test]
async fn a_payer_who_is_asked_by_the_bank_comes_back_through_corefy() {
    let bench = Bench::start().await;
    for (reference, decision, expected) in [
        ("pi_yes", "approve", ("processed", "ok", "https://shop.example/ok", 10_000)),
        ("pi_no", "decline", ("process_failed", "client_auth_failed", "https://shop.example/ko", 0)),
    ] {
        let links = json!({"success": "https://shop.example/ok", "fail": "https://shop.example/ko"});
        let made = bench.invoice(json!({"reference_id": reference, "return_urls": links})).await;
        let (status, asked) = bench.sell(&made, ASKED_BY_BANK, LATER).await.unwrap();
        assert_eq!((status, &asked["auth_mode"]), (201, &json!("3ds")));
        let form = &asked["auth_payload"];
        let param = |name: &str| form["params"][name].as_str().unwrap();
        assert_eq!(form["method"], "POST");
        let fields = [("MD", param("MD")), ("PaReq", param("PaReq")), ("TermUrl", param("TermUrl"))];
        let (status, _, page) = bench.submit(form["action"].as_str().unwrap(), &fields).await;
        assert!(status == 200 && page.contains("Your bank asks"), "{page}");
        let (status, location, _) = bench.submit(param("TermUrl"), &[("MD", param("MD")), ("PaRes", decision)]).await;
        let (word, resolution, link, charged) = expected;
        assert_eq!((status, location.as_str()), (303, link));
        assert_eq!(bench.state_of(&made).await, state(word, resolution));
        assert_eq!(bench.sandbox.ledger().charged(reference), charged);
    }
}

#[tokio::test]
async fn a_paid_invoice_shows_its_money_and_its_masked_card() {
    let bench = Bench::start().await;
    let unpaid = bench.card_invoice("pi_2").await;
    let paid = bench.paid_invoice(json!({"reference_id": "pi_1"})).await;
    let shown = &paid["attributes"];
    assert_eq!((&shown["processed_amount"], &shown["refunded_amount"]), (&json!(100), &Value::Null));
    assert_eq!(shown["payload"]["payment_card"]["mask"], "411111******1111");
    assert_eq!((&shown["payload"]["token"], &shown["payload"]["client_ip"]), (&Value::Null, &json!("203.0.113.7")));
    assert_eq!(paid["relationships"]["active-payment"]["data"]["type"], "payments");
    for (name, length) in [("rrn", 12), ("approval_code", 6), ("arn", 23)] {
        let reference = shown[name].as_str().unwrap();
        assert!(
            reference.len() == length && reference.bytes().all(|byte| byte.is_ascii_digit()),
            "{name}: {reference}"
        );
        assert_eq!(unpaid["attributes"][name], Value::Null);
    }
    assert!(!paid.to_string().contains(APPROVED));
}

#[tokio::test]
async fn a_bad_card_is_refused_without_an_attempt_and_without_being_quoted() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let (status, refusal) = bench.sell(&made, "4111111111111112", ("13", "2030")).await.unwrap();
    assert_eq!(status, 422);
    let pointers: Vec<&Value> =
        refusal["errors"].as_array().unwrap().iter().map(|error| &error["source"]["pointer"]).collect();
    for field in ["card_number", "exp_month", "exp_year"] {
        assert!(pointers.contains(&&json!(format!("/data/attributes/{field}"))), "{refusal}");
    }
    assert!(!refusal.to_string().contains("4111"));
    assert_eq!(bench.sell(&made, APPROVED, ("01", "20")).await.unwrap().0, 422, "the card has expired");
    assert_eq!(bench.state_of(&made).await, state("created", "ok"));
}

#[tokio::test]
async fn a_browser_is_told_in_text_but_for_one_flag() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    let sell = async |browser: Value| {
        let token = made["attributes"]["flow_data"]["metadata"]["token"].as_str().unwrap();
        let card = json!({"card_number": APPROVED, "cvv": "123", "exp_month": "12", "exp_year": "30", "browser_info": browser});
        let body = json!({"data": {"type": "sale-operation", "attributes": card}});
        answer(bench.http.post(bench.url(SALE)).bearer_auth(token).body(body.to_string())).await.unwrap()
    };
    for (field, wrong) in [("browser_tz", json!(-60)), ("browser_java_enabled", json!("false"))] {
        let (status, refusal) = sell(json!({ field: wrong })).await;
        let pointer = format!("/data/attributes/browser_info/{field}");
        assert_eq!((status, &refusal["errors"][0]["source"]["pointer"]), (422, &json!(pointer)));
    }
    assert_eq!(bench.shown(&made).await["relationships"].get("active-payment"), None, "nothing was attempted");
    assert_eq!(sell(json!({"browser_tz": "-60", "browser_java_enabled": false})).await.0, 201);
}

#[tokio::test]
async fn a_planned_fault_hits_the_sale_whether_or_not_it_is_carried_out() {
    let bench = Bench::start().await;
    for (fault, charged) in [(Fault::DropBefore, 0), (Fault::DropAfterExecute, 10_000), (Fault::Garbage, 10_000)] {
        let reference = format!("pi_{fault:?}");
        let made = bench.card_invoice(&reference).await;
        bench.sandbox.faults().fail_next(1, "POST", SALE, fault);
        assert!(bench.sell(&made, APPROVED, LATER).await.is_none());
        assert_eq!(bench.sandbox.ledger().charged(&reference), charged, "{fault:?}");
    }
    let made = bench.card_invoice("pi_quoted").await;
    bench.sandbox.faults().fail_next(1, "POST", SALE, Fault::QuoteCard);
    let (status, refusal) = bench.sell(&made, APPROVED, LATER).await.unwrap();
    assert!(status == 422 && refusal["errors"][0]["detail"].as_str().unwrap().contains(APPROVED));
}

#[tokio::test]
async fn a_careless_card_gate_charges_again() {
    let bench = Bench::start().await;
    let made = bench.card_invoice("pi_1").await;
    bench.sell(&made, APPROVED, LATER).await.unwrap();
    assert_eq!(bench.sell(&made, APPROVED, LATER).await.unwrap().0, 409);
    bench.sandbox.faults().set(|switches| switches.charge_again = true);
    bench.sell(&made, APPROVED, LATER).await.unwrap();
    assert_eq!(bench.sandbox.ledger().charged("pi_1"), 20_000);
}

#[tokio::test]
async fn the_ledger_knows_an_intent_by_all_its_invoices() {
    let bench = Bench::start().await;
    for reference in ["pi_1", "pi_1-2", "pi_1-3", "pi_12"] {
        bench.paid_invoice(json!({"reference_id": reference})).await;
    }
    let ledger = bench.sandbox.ledger();
    assert_eq!((ledger.charged("pi_1"), ledger.charged("pi_1-2"), ledger.charged("pi_12")), (30_000, 10_000, 10_000));
    bench.sandbox.charge_back("pi_1", 10_000).unwrap();
    let found = bench.read("/payment-invoices/?filter[reference_id]=pi_1-3").await.1;
    assert_eq!(found["data"][0]["attributes"]["status"], "charged_back", "an intent is known by its last invoice");
}
