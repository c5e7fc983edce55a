//! A sandbox that is reloaded from its own memory after every step, beside one that is not: nobody can tell them apart.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Bench, CONFIRM, SandboxAnswer, intent};
use crate::sandbox::{SandboxMemory, faults::Fault};

/// Runs, each from a seed of its own.
const SEEDS: u64 = 8;
/// Steps of a run.
const STEPS: usize = 100;
/// Cards whose effects differ, those without an answer apart.
const CARDS: [&str; 8] = [
    "4111111111111111",
    "4000000000009995",
    "4000000000003220",
    "4000000000000259",
    "4000000000000077",
    "4000000000005019",
    "4000000000004293",
    "4000000000002016",
];
/// Corefy's cards, by what their expiries mean.
const EXPIRIES: [(&str, (&str, &str)); 4] = [
    ("5123817234060000", ("12", "30")),
    ("5519283812030000", ("07", "77")),
    ("4412397212080000", ("05", "29")),
    ("4302912837020000", ("09", "33")),
];
const CONTROLS: [&str; 7] = ["settle", "charge-late", "complete", "cancel", "expire", "charge-back", "refund"];
const SCRIPTS: [&str; 3] = ["decline:lost_card,approve,refund:fail", "process,refund:pend", "challenge,charge_back"];

/// One step, the same for both.
#[derive(Debug)]
enum Step {
    Create { reference: String, key: String, script: Option<&'static str> },
    Confirm { reference: String, card: &'static str },
    Invoice { reference: String, tokenize: bool },
    Sell { reference: String, card: (&'static str, (&'static str, &'static str)) },
    Refund { reference: String, key: String, minor: u64 },
    Control { reference: String, control: &'static str },
    SettleRefund { refund: String, control: &'static str },
    Advance(u64),
    Switch { charge_again: bool, ignore_references: bool },
    Fail(Fault),
    Hold(bool),
}

impl Step {
    fn any(rng: &mut Rng) -> Self {
        let reference = format!("pi_{}", rng.u8(..5));
        let invoice = format!("inv_{}", rng.u8(..4));
        let refund = format!("re_{reference}_{}", rng.u8(..3));
        match rng.u8(..20) {
            0..=2 => {
                let script = rng.bool().then(|| rng.usize(..SCRIPTS.len()));
                let key = format!("key-{reference}-{}", rng.u8(..2));
                Self::Create { reference, key, script: script.map(|place| SCRIPTS[place]) }
            }
            3..=7 => Self::Confirm { reference, card: rng.choice(CARDS).unwrap() },
            8 => Self::Invoice { reference: invoice, tokenize: rng.bool() },
            9 | 10 => Self::Sell { reference: invoice, card: rng.choice(EXPIRIES).unwrap() },
            11..=13 => Self::Refund { reference, key: refund, minor: 100 + rng.choice([0, 61, 62, 63, 67]).unwrap() },
            14 => Self::Control { reference, control: rng.choice(CONTROLS).unwrap() },
            15 => Self::Control { reference: invoice, control: rng.choice(CONTROLS).unwrap() },
            16 => Self::SettleRefund { refund, control: rng.choice(["settle", "return"]).unwrap() },
            17 => Self::Advance(rng.choice([1, 5, 60, 3_600, 90_000]).unwrap()),
            18 => Self::Switch { charge_again: rng.bool(), ignore_references: rng.bool() },
            _ if rng.bool() => Self::Hold(rng.bool()),
            _ => Self::Fail(rng.choice([Fault::Http(503), Fault::HttpAfterExecute(500)]).unwrap()),
        }
    }
}

/// A sandbox, and the memory of its callers.
struct Side {
    bench: Bench,
    /// Invoices as they were made, by reference.
    invoices: BTreeMap<String, Value>,
}

impl Side {
    async fn start() -> Self {
        Self { bench: Bench::start().await, invoices: BTreeMap::new() }
    }

    /// Takes a step; answers with as much of the answer as has no id.
    async fn take(&mut self, step: &Step) -> String {
        let answer = match step {
            Step::Create { reference, key, script } => self.create(reference, key, *script).await,
            Step::Confirm { reference, card } => self.confirm(reference, card).await,
            Step::Invoice { reference, tokenize } => self.invoice(reference, *tokenize).await,
            Step::Sell { reference, card } => self.sell(reference, *card).await,
            Step::Refund { reference, key, minor } => self.refund(reference, key, *minor).await,
            Step::Control { reference, control } => self.control("payments", reference, control).await,
            Step::SettleRefund { refund, control } => self.control("refunds", refund, control).await,
            Step::Advance(seconds) => {
                self.bench.sandbox.advance_clock(Duration::from_secs(*seconds)).await.unwrap();
                None
            }
            Step::Switch { .. } | Step::Fail(_) | Step::Hold(_) => {
                self.turn(step);
                None
            }
        };
        let told = |body: Value| format!("{} {} {}", body["status"], body["error_code"], body["error"]["code"]);
        answer.map_or_else(|| "-".to_owned(), |(status, body)| format!("{status} {}", told(body)))
    }

    async fn create(&self, reference: &str, key: &str, script: Option<&str>) -> SandboxAnswer {
        let mut body = intent(reference);
        body["metadata"] = script.map_or(json!({}), |script| json!({"sandbox": script}));
        self.bench.post_with_key("/v1/payment-intents", key, body).await
    }

    async fn confirm(&self, reference: &str, card: &str) -> SandboxAnswer {
        let payment = self.bench.sandbox.payment(reference).ok()?;
        self.bench.confirm(&payment.id, card).await
    }

    async fn invoice(&mut self, reference: &str, tokenize: bool) -> SandboxAnswer {
        let attributes = json!({"reference_id": reference, "amount": 100, "currency": "USD",
            "service": "payment_card_usd_hpp", "customer": {"reference_id": "c_1"},
            "gateway_options": {"cardgate": {"tokenize": tokenize}}});
        let body = json!({"data": {"type": "payment-invoices", "attributes": attributes}});
        let (status, made) = self.bench.send("/payment-invoices", &body).await;
        if status == 201 {
            self.invoices.insert(reference.to_owned(), made["data"].clone());
        }
        Some((status, Value::Null))
    }

    async fn sell(&self, reference: &str, (number, expiry): (&str, (&str, &str))) -> SandboxAnswer {
        self.bench.sell(self.invoices.get(reference)?, number, expiry).await
    }

    async fn refund(&self, reference: &str, key: &str, minor: u64) -> SandboxAnswer {
        let payment = self.bench.sandbox.payment(reference).ok()?;
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        let body = json!({"payment_id": payment.payment_id, "amount": amount, "reference_id": key});
        self.bench.post_with_key("/v1/refunds", key, body).await
    }

    async fn control(&self, kind: &str, name: &str, control: &str) -> SandboxAnswer {
        Some(self.bench.order(&format!("/_sandbox/{kind}/{name}/{control}"), json!({})).await)
    }

    fn turn(&self, step: &Step) {
        let sandbox = &self.bench.sandbox;
        match step {
            Step::Switch { charge_again, ignore_references } => sandbox.faults().set(|switches| {
                (switches.charge_again, switches.ignore_references) = (*charge_again, *ignore_references);
            }),
            Step::Fail(fault) => sandbox.faults().fail_next(1, "POST", CONFIRM, *fault),
            Step::Hold(hold) => sandbox.hold_webhooks(*hold),
            _ => {}
        }
    }

    /// Payments, money and webhooks, by references.
    fn known(&self) -> Value {
        let sandbox = &self.bench.sandbox;
        let entry =
            |entry: &crate::sandbox::ledger::LedgerEntry| json!([entry.kind, entry.reference, entry.amount, entry.at]);
        let payment = |payment: &crate::upstream::intents::wire::WireIntent| {
            let code = payment.error.as_ref().map(|error| &error.code);
            json!([payment.reference_id, payment.status, code, payment.amount_refunded, payment.updated_at])
        };
        let webhook = |webhook: &crate::sandbox::WebhookRecord| json!([webhook.id, webhook.event, webhook.reference]);
        json!({
            "ledger": sandbox.ledger().entries.iter().map(entry).collect::<Vec<_>>(),
            "payments": sandbox.payments().iter().map(payment).collect::<Vec<_>>(),
            "webhooks": sandbox.webhooks().iter().map(webhook).collect::<Vec<_>>(),
        })
    }

    async fn reload(&self) {
        let document = self.bench.sandbox.memory().unwrap().write().unwrap();
        self.bench.sandbox.load(SandboxMemory::read(&document).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_sandbox_that_is_reloaded_after_every_step_cannot_be_told_from_one_that_is_not() {
    let mut moved = 0;
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let (mut steady, mut reloaded) = (Side::start().await, Side::start().await);
        for number in 0..STEPS {
            let step = Step::any(&mut rng);
            let (one, other) = (steady.take(&step).await, reloaded.take(&step).await);
            assert_eq!(one, other, "seed {seed}, step {number}: {step:?}");
            reloaded.reload().await;
            assert_eq!(steady.known(), reloaded.known(), "seed {seed}, step {number}: {step:?}");
        }
        moved += steady.bench.sandbox.ledger().entries.len();
    }
    assert!(moved > 50, "money moves: {moved}");
}
