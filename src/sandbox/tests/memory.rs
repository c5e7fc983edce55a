//! The memory as a document: another sandbox that takes it over goes on as the first would have.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{Bench, CONFIRM, ReceivedWebhook, card, intent};
use crate::sandbox::{
    LEDGER_HEADER, MAX_MEMORY, MemoryProblem, SandboxMemory, WebhookState, faults::Fault, faults::ShownTime,
};

const MEMORY: &str = "/_sandbox/memory";
const APPROVED: &str = "4111111111111111";

impl Bench {
    /// The memory as a document.
    fn document(&self) -> Value {
        serde_json::from_slice(&self.sandbox.memory().unwrap().write().unwrap()).unwrap()
    }

    /// Another sandbox at the same time, with the memory of this one.
    async fn successor(&self) -> Self {
        let next = Self::start().await;
        next.clock.advance(self.clock.now().since(next.clock.now()));
        let (status, answer) = next.control(Method::POST, MEMORY, &self.document().to_string()).await;
        assert_eq!(status, 204, "{answer}");
        next
    }

    /// All that people see of it, but for requests and the sandbox's address.
    async fn seen(&self) -> String {
        let mut snapshot = self.look("/_sandbox/snapshot").await;
        snapshot.as_object_mut().unwrap().remove("requests");
        snapshot.to_string().replace(self.sandbox.base_url().as_str(), "http://sandbox/")
    }

    async fn refund(&self, id: &str, amount: &str, reference: &str) -> Value {
        let payment = id.replace("in_", "cfpay_");
        let body = json!({"payment_id": payment, "amount": amount, "reference_id": reference});
        self.post_with_key("/v1/refunds", reference, body).await.unwrap().1
    }
}

/// Payments of the `intents` dialect in every state that time or people change, and all that belongs to them.
async fn intents(bench: &Bench) {
    for (reference, number) in [
        ("pi_declined", "4000000000009995"),
        ("pi_challenged", "4000000000003220"),
        ("pi_processing", "4000000000000077"),
        ("pi_charged_back", "4000000000000259"),
    ] {
        let id = bench.intent(reference).await;
        bench.confirm(&id, number).await;
    }
    let mut scripted = intent("pi_scripted");
    scripted["metadata"] = json!({"sandbox": "decline:lost_card,approve,refund:fail"});
    let (status, made) = bench.post_with_key("/v1/payment-intents", "key-1", scripted).await.unwrap();
    assert_eq!(status, 201, "{made}");
    bench.confirm(made["id"].as_str().unwrap(), APPROVED).await;
    let paid = bench.paid("pi_paid").await;
    bench.refund(&paid, "1.61", "re_pends").await;
    bench.refund(&paid, "1.62", "re_pends_in_vain").await;
    bench.refund(&paid, "1.67", "re_returns").await;
    let customer = json!({"email": "ada@example.com", "name": "Ada", "reference_id": "cus_1", "metadata": {"a": "b"}});
    let customer = bench.post("/v1/customers", customer).await.1["id"].clone();
    for kind in ["card", "qr"] {
        let data = json!({"card_number": "4000000000009995", "card_expiry_month": "12", "card_expiry_year": "2030"});
        let body = json!({"customer_id": customer, "type": kind, "data": data});
        let method = bench.post("/v1/payment-methods", body).await.1["id"].clone();
        let id = bench.intent(&format!("pi_{kind}")).await;
        bench.post(&CONFIRM.replace("{id}", &id), json!({"payment_method_id": method})).await;
    }
    bench.intent("pi_untouched").await;
}

/// Invoices: paid with a card that is saved, paid in part by its refund, open, and with one that its bank asks about.
async fn invoices(bench: &Bench) {
    let saved = json!({"reference_id": "inv_paid", "customer": {"reference_id": "c_1", "age": 42},
        "gateway_options": {"cardgate": {"tokenize": true}}});
    let paid = bench.paid_invoice(saved).await;
    let refund = json!({"data": {"type": "refund", "attributes": {"amount": 10.61, "reference_id": "inv_re",
        "invoiceId": paid["id"]}}});
    let path = format!("/payment-invoices/{}/refund", paid["id"].as_str().unwrap());
    assert_eq!(bench.send(&path, &refund).await.0, 201);
    let asked =
        bench.invoice(json!({"reference_id": "inv_asked", "return_urls": {"fail": "https://shop.example"}})).await;
    bench.sell(&asked, "4412397212080000", ("05", "29")).await;
    let declined = bench.invoice(json!({"reference_id": "inv_declined", "callback_url": "http://127.0.0.1:1/"})).await;
    bench.sell(&declined, "4302912837020000", ("09", "33")).await;
    bench.invoice(json!({"reference_id": "inv_open", "metadata": {"sandbox": "decline:insufficient_funds"}})).await;
}

/// A sandbox that knows an object of every kind.
async fn experienced() -> Bench {
    let bench = Bench::start().await;
    bench.sandbox.hold_webhooks(true);
    intents(&bench).await;
    invoices(&bench).await;
    bench.post_in("shop-1", "/v1/payment-intents", intent("pi_paid")).await;
    bench.sandbox.faults().set(|switches| switches.shown_time = ShownTime::WholeSeconds);
    bench.sandbox.faults().fail_next(2, "GET", "/v1/payments/{id}", Fault::Http(503));
    bench
}

/// A memory of this format with an object of every kind, which is tried by the fuzzer as well.
const WRITTEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/sandbox_memories/every_object");

#[tokio::test]
#[ignore = "writes the memory of a new format"]
async fn make_a_memory_of_this_format() {
    std::fs::write(WRITTEN, experienced().await.document().to_string()).unwrap();
}

#[test]
fn a_memory_that_was_written_before_is_read_and_written_as_it_was() {
    let written = std::fs::read(WRITTEN).unwrap();
    let memory = SandboxMemory::read(&written).expect("a change of its form is a new format");
    let again: Value = serde_json::from_slice(&memory.write().unwrap()).unwrap();
    assert_eq!(again, serde_json::from_slice::<Value>(&written).unwrap());
}

#[tokio::test]
async fn a_memory_that_is_taken_over_is_the_same_memory() {
    let first = experienced().await;
    let second = first.successor().await;
    assert_eq!(first.document(), second.document());
    assert_eq!(first.seen().await, second.seen().await);
    assert_eq!(first.ledger_of("shop-1").await, second.ledger_of("shop-1").await);
    assert_eq!(second.look("/_sandbox/requests").await, json!([]), "the journal is no part of it");
}

#[tokio::test]
async fn whatever_was_to_happen_happens_in_the_successor_too() {
    let first = experienced().await;
    let second = first.successor().await;
    for bench in [&first, &second] {
        bench.sandbox.advance_clock(Duration::from_secs(25 * 3_600)).await.unwrap();
    }
    let sums = |bench: &Bench| {
        let ledger = bench.sandbox.ledger();
        let of = |reference| (ledger.charged(reference), ledger.refunded(reference), ledger.charged_back(reference));
        ["pi_processing", "pi_paid", "pi_charged_back", "inv_paid"].map(of)
    };
    assert_eq!(sums(&first), [(10_000, 0, 0), (10_000, 161, 0), (10_000, 0, 10_000), (10_000, 1_061, 0)]);
    assert_eq!(sums(&second), sums(&first));
    let states = |bench: &Bench| {
        let shown = |payment: &crate::upstream::intents::wire::WireIntent| {
            (
                payment.reference_id.clone(),
                payment.status.clone(),
                payment.error.as_ref().map(|error| error.code.clone()),
            )
        };
        bench.sandbox.payments().iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(states(&first), states(&second));
    let expired =
        |reference: &str| (Some(reference.to_owned()), "failed".to_owned(), Some("payment_expired".to_owned()));
    assert!(states(&second).contains(&expired("inv_open")) && states(&second).contains(&expired("pi_qr")));
}

#[tokio::test]
async fn the_successor_answers_as_the_first_would_have() {
    let first = experienced().await;
    let second = first.successor().await;
    let mut scripted = intent("pi_scripted");
    scripted["metadata"] = json!({"sandbox": "decline:lost_card,approve,refund:fail"});
    for bench in [&first, &second] {
        let fault = bench.get("/v1/payments/cfpay_1").await;
        assert_eq!(fault.0, 503, "one of the two plans: {}", fault.1);
        let again = bench.post_with_key("/v1/payment-intents", "key-1", scripted.clone()).await.unwrap();
        assert_eq!(again.0, 201, "the first answer under the key: {}", again.1);
        let other = bench.post_with_key("/v1/payment-intents", "key-1", intent("pi_other")).await.unwrap();
        assert_eq!(other.1["error_code"], "idempotency_key_reused");
        assert_eq!(bench.post("/v1/payment-intents", intent("pi_paid")).await.1["error_code"], "duplicate_reference");
        let id = again.1["id"].as_str().unwrap().to_owned();
        assert_eq!(bench.confirm(&id, "4000000000009995").await.unwrap().1["status"], "succeeded", "the script's word");
        assert_eq!(bench.refund(&id, "1.00", "re_scripted").await["status"], "failed");
        let challenged = bench.order("/_sandbox/payments/pi_challenged/complete", json!({})).await.1;
        assert_eq!(challenged["status"], "succeeded");
        let doomed = bench.order("/_sandbox/payments/inv_asked/complete", json!({})).await.1;
        assert_eq!(doomed["error"]["code"], "insufficient_funds", "{doomed}");
    }
    let replay = |bench: &Bench| bench.document()["ledger"]["objects"]["answers"]["/v1/payment-intents key-1"].clone();
    assert_eq!(replay(&first), replay(&second));
}

#[tokio::test]
async fn a_saved_card_of_an_invoice_pays_in_the_successor() {
    let first = experienced().await;
    let second = first.successor().await;
    let cards = &second.document()["ledger"]["objects"]["vault"]["cards"];
    let token = cards.as_object().unwrap().keys().next().unwrap().clone();
    let charged = second
        .invoice(json!({"reference_id": "inv_again", "customer": {"reference_id": "c_1"}, "token": token,
            "gateway_options": {"cardgate": {"instant": true}}}))
        .await;
    assert_eq!(charged["attributes"]["status"], "processed", "{charged}");
}

#[tokio::test]
async fn no_card_number_is_part_of_it() {
    let bench = experienced().await;
    let document = bench.document().to_string();
    for number in [APPROVED, "4000000000009995", "4000000000003220", "4412397212080000", "4302912837020000"] {
        assert!(!document.contains(number), "{number}");
    }
    assert!(document.contains("9995") && document.contains("Ada"), "but masked cards and people are");
}

#[tokio::test]
async fn webhooks_that_wait_are_held_or_are_under_way_are_delivered_by_the_successor() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let first = Bench::start().await;
    first.sandbox.set_webhook_url(format!("http://{}/", silent.local_addr().unwrap()).parse().ok());
    first.paid("pi_1").await;
    first.paid("pi_2").await;
    first.sandbox.hold_webhooks(true);
    first.paid("pi_3").await;
    let second = Bench::start().await;
    let received = ReceivedWebhook::start(&second, 0).await;
    let mut memory = first.document();
    memory["ledger"]["webhooks"]["url"] = second.document()["ledger"]["webhooks"]["url"].clone();
    assert_eq!(second.order(MEMORY, memory).await.0, 204);
    second.sandbox.webhooks_idle().await;
    let references = || received.bodies().iter().map(|body| body["reference_id"].clone()).collect::<Vec<_>>();
    assert_eq!(references(), ["pi_1", "pi_2"]);
    second.sandbox.hold_webhooks(false);
    second.sandbox.webhooks_idle().await;
    assert_eq!(references(), ["pi_1", "pi_2", "pi_3"]);
    assert!(second.sandbox.webhooks().iter().all(|webhook| webhook.state == WebhookState::Delivered));
    assert_eq!(second.order("/_sandbox/webhooks/wh_1/resend", json!({})).await.0, 204, "it is remembered");
}

#[tokio::test]
async fn a_document_that_is_not_understood_changes_nothing_and_is_refused_with_the_place() {
    let bench = experienced().await;
    let right = bench.document();
    let id = |kind: &str| right["ledger"]["objects"][kind].as_object().unwrap().keys().next().unwrap().clone();
    let (payment, refund, customer) = (id("intents"), id("refunds"), id("customers"));
    let of = |kind: &str, id: &str| format!("ledger.objects.{kind}.{id}");
    for (pointer, value, place) in [
        ("/format".to_owned(), json!(2), "format".to_owned()),
        ("/clock/ahead".to_owned(), json!(-1), "clock.ahead".to_owned()),
        ("/extra".to_owned(), json!(1), "extra".to_owned()),
        (format!("/ledger/objects/intents/{payment}/status"), json!({"failed": "poverty"}), of("intents", &payment)),
        (format!("/ledger/objects/intents/{payment}/amount/minor"), json!(0), of("intents", &payment)),
        (format!("/ledger/objects/intents/{payment}/id"), json!("in_1"), of("intents", &payment)),
        (format!("/ledger/objects/intents/{payment}/refund_ids"), json!(["cfre_1"]), of("intents", &payment)),
        (format!("/ledger/objects/refunds/{refund}/intent_id"), json!("in_1"), "ledger.objects.intents.".to_owned()),
        (format!("/ledger/objects/customers/{customer}/emial"), json!("a"), of("customers", &customer)),
        ("/ledger/faults/plans/0/count".to_owned(), json!(0), "ledger.faults.plans".to_owned()),
        ("/ledger/webhooks/log/made".to_owned(), json!(1), "ledger.webhooks.log".to_owned()),
        ("/named/Shop".to_owned(), right["ledger"].clone(), "named.Shop".to_owned()),
        ("/named/shop-1/objects".to_owned(), json!({}), "named.shop-1.objects".to_owned()),
    ] {
        let mut wrong = right.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[name] = value;
        let (status, refusal) = bench.order(MEMORY, wrong).await;
        assert_eq!(status, 422, "{pointer}: {refusal}");
        let named = refusal["errors"].as_object().unwrap().keys().next().unwrap();
        assert!(named.starts_with(&place), "{pointer}: {refusal}");
    }
    for text in ["", "{", "[1] 2", &format!("{right}x")] {
        assert_eq!(bench.control(Method::POST, MEMORY, text).await.0, 400, "{text:.20}");
    }
    assert_eq!(bench.document(), right);
}

#[tokio::test]
async fn a_memory_is_that_of_all_ledgers_and_never_too_large() {
    let bench = experienced().await;
    for method in [Method::GET, Method::POST] {
        let request = bench.http.request(method, bench.url(MEMORY)).header(LEDGER_HEADER, "shop-1");
        let answer = request.body(bench.document().to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 409);
    }
    let large = vec![b' '; MAX_MEMORY + 1];
    assert_eq!(SandboxMemory::read(&large).err(), Some(MemoryProblem::TooLarge));
    bench
        .sandbox
        .load(SandboxMemory::read(Bench::start().await.document().to_string().as_bytes()).unwrap())
        .await
        .unwrap();
    assert_eq!(bench.document()["named"], json!({}), "ledgers that it does not have are closed");
    assert_eq!(bench.ledger_of("shop-1").await.1["entries"], json!([]), "and begin anew");
    let (status, made) = bench.post_in("shop-1", "/v1/payment-intents", intent("pi_paid")).await;
    assert_eq!(status, 201, "{made}");
    let path = CONFIRM.replace("{id}", made["id"].as_str().unwrap());
    assert_eq!(bench.post_in("shop-1", &path, card(APPROVED)).await.1["status"], "succeeded");
}

#[tokio::test]
async fn a_clock_that_was_ahead_is_ahead_again_and_none_is_put_back() {
    let ahead = || Bench::start_in(super::settings(), crate::domain::environment::Environment::ahead());
    let (first, second) = (ahead().await, ahead().await);
    let day = Duration::from_secs(86_400);
    first.sandbox.advance_clock(2 * day).await.unwrap();
    second.sandbox.advance_clock(day).await.unwrap();
    let load = async |to: &Bench, from: &Bench| to.order(MEMORY, from.document()).await.0;
    assert_eq!(load(&second, &first).await, 204);
    assert_eq!(second.sandbox.time().1, 2 * day);
    let third = ahead().await;
    assert_eq!(load(&first, &third).await, 204);
    assert_eq!(first.sandbox.time().1, 2 * day, "time does not go back");

    let mut far = third.document();
    far["clock"]["ahead"] = json!(20 * 366 * day.as_micros() as u64);
    far["ledger"]["faults"]["switches"]["hide_payments"] = json!(true);
    assert_eq!(third.order(MEMORY, far).await.0, 409);
    assert_eq!(third.sandbox.time().1, Duration::ZERO);
    assert!(!third.sandbox.faults().switches().hide_payments, "nothing was taken over");
}

#[tokio::test]
async fn a_clock_that_is_put_ahead_is_kept_as_it_will_be_before_it_is() {
    let bench = Bench::start_in(super::settings(), crate::domain::environment::Environment::ahead()).await;
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (sandbox, seen) = (bench.sandbox.clone(), kept.clone());
    bench.sandbox.before_advance(std::sync::Arc::new(move || {
        let memory: Value = serde_json::from_slice(&sandbox.memory().unwrap().write().unwrap()).unwrap();
        seen.lock().unwrap().push((memory["clock"]["ahead"].as_u64().unwrap(), sandbox.time().1));
        Box::pin(async {})
    }));
    let day = Duration::from_secs(86_400);
    bench.sandbox.advance_clock(day).await.unwrap();
    assert_eq!(*kept.lock().unwrap(), [(day.as_micros() as u64, Duration::ZERO)]);
}
