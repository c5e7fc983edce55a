//! The verdict: what the gateway says of each payment is what the ledger says, and nothing that was acknowledged is missing.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::ledger::{Ledger, LedgerEntryKind},
};
use tokio::time::sleep;
use tonic::{Code, Response, Status};

use super::{
    ChaosPlan,
    books::Books,
    load::{LoadPayment, Report},
    world::World,
};
use crate::support::{
    client::{Client, confirmation, keyed},
    money::{CONFIRM, REFUND, minor},
};

/// How long after the last call the truth of all payments may take, at default times and with every recovery killed.
const SETTLING: Duration = Duration::from_secs(400);
/// How often it is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How long a call of the judge is made again, after sessions of the gateway have broken.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Minor units that moved.
#[derive(Default)]
struct Moved {
    /// By the payment's id.
    charged: HashMap<String, i64>,
    /// By the payment's id.
    refunded: HashMap<String, i64>,
    /// By the reference of the refund.
    refunds: HashMap<String, i64>,
}

impl Moved {
    /// Sums the ledger. Fails when a refund was made twice.
    fn new(ledger: Ledger) -> Self {
        let mut moved = Self::default();
        for entry in ledger.entries {
            let sums = match entry.kind {
                LedgerEntryKind::Charge => &mut moved.charged,
                LedgerEntryKind::Refund => &mut moved.refunded,
                LedgerEntryKind::RefundReturned | LedgerEntryKind::ChargedBack => {
                    panic!("no bank takes part here: {entry:?}")
                }
            };
            *sums.entry(entry.reference.unwrap_or_default()).or_default() += entry.amount.minor;
            if let Some(reference) = entry.refund_reference {
                let before = moved.refunds.insert(reference.clone(), entry.amount.minor);
                assert!(before.is_none(), "{reference} was refunded twice");
            }
        }
        moved
    }

    fn charged(&self, payment: &str) -> i64 {
        self.charged.get(payment).copied().unwrap_or_default()
    }

    fn refunded(&self, payment: &str) -> i64 {
        self.refunded.get(payment).copied().unwrap_or_default()
    }
}

/// The figures of what was judged.
#[derive(Debug, Default)]
pub struct Verdict {
    pub payments: usize,
    pub refunds: usize,
    /// Minor units.
    pub charged: i64,
    /// Minor units.
    pub refunded: i64,
    /// Tries of calls, and how many of them had to be repeated.
    pub tries: usize,
    pub repeated: usize,
    /// The longest time from a confirmation until all about it was known.
    pub worst: Duration,
}

/// Judges each payment as soon as nothing about it is under way any longer.
#[derive(Default)]
pub struct Judge {
    books: Books,
    /// Payments that are not judged yet, and whether they were under way when they were last looked at.
    waiting: Vec<(LoadPayment, bool)>,
    ids: HashSet<String>,
    refund_keys: usize,
    verdict: Verdict,
}

/// Waits until everything is known, and asserts that it is the truth.
pub async fn assert_truth(world: &World, plan: ChaosPlan, report: Report) -> Verdict {
    let mut judge = Judge::default();
    judge.look(world, report).await;
    judge.finish(world, plan).await
}

impl Judge {
    /// Judges those payments of which everything is known, and has the others wait. No payer is at work.
    pub async fn look(&mut self, world: &World, report: Report) {
        self.note(report);
        // In this order: whatever is no longer open has its events, and its money has moved.
        let open = world.open_payments().await;
        let client = world.client();
        self.books.read_on(&client).await;
        let moved = Moved::new(world.sandbox.ledger());
        for payment in moved.charged.keys().chain(moved.refunded.keys()) {
            assert!(self.ids.contains(payment), "money moved for {payment}, which no payer was told of");
        }
        for (payment, was_open) in std::mem::take(&mut self.waiting) {
            assert_bounded(&payment, &moved);
            if open.contains(&payment.id) {
                self.waiting.push((payment, true));
            } else {
                self.assert_payment(&client, &payment, &moved).await;
                let time = if was_open { payment.begun.elapsed() } else { payment.time };
                self.verdict.worst = self.verdict.worst.max(time);
            }
        }
    }

    /// Waits until everything is known, and answers the figures. Fails when something stays open, or was sent twice.
    pub async fn finish(mut self, world: &World, plan: ChaosPlan) -> Verdict {
        let begun = Instant::now();
        world.calm_corefy();
        loop {
            self.look(world, Report::default()).await;
            let webhooks = world.open_webhooks().await;
            if self.waiting.is_empty() && webhooks.is_empty() {
                break;
            }
            assert!(begun.elapsed() < SETTLING, "open after {SETTLING:?}: {:?}, {webhooks:?}", self.waiting);
            if !plan.is_long && !world.is_sending().await {
                world.age().await;
            }
            sleep(LOOK).await;
        }
        let (confirms, refunds) =
            (world.sandbox.request_count(CONFIRM.0, CONFIRM.1), world.sandbox.request_count(REFUND.0, REFUND.1));
        assert!(confirms <= self.ids.len() as u64, "{confirms} confirmations were sent");
        assert!(refunds <= self.refund_keys as u64, "{refunds} refunds were sent");
        world.verify_audit_log();
        self.verdict
    }

    fn note(&mut self, report: Report) {
        self.ids.extend(report.payments.iter().map(|payment| payment.id.clone()));
        self.refund_keys += report.refund_keys;
        self.verdict.repeated += report.failures.len();
        self.verdict.tries += report.failures.len() + report.answers;
        self.waiting.extend(report.payments.into_iter().map(|payment| (payment, false)));
    }

    async fn assert_payment(&mut self, client: &Client, payment: &LoadPayment, moved: &Moved) {
        let (charged, refunded) = (moved.charged(&payment.id), moved.refunded(&payment.id));
        let request = pb::GetPaymentIntentRequest { id: payment.id.clone() };
        let intent = answered(|| client.get_payment_intent(request.clone())).await.payment_intent.unwrap();
        for intent in [&intent, self.books.payment(&payment.id)] {
            assert_eq!(minor(&intent.amount_received), charged, "booked, and charged: {payment:?}");
            assert_eq!(charged > 0, intent.state() == State::Succeeded, "{:?}: {payment:?}", intent.state());
        }
        assert_eq!(minor(&intent.amount_refunded), refunded, "booked, and refunded: {payment:?}");
        assert!(payment.confirmed != State::Succeeded || charged > 0, "acknowledged, and not charged: {payment:?}");
        assert_replayed(client, payment).await;
        self.assert_refunds(client, payment, moved).await;
        self.verdict.payments += 1;
        self.verdict.charged += charged;
        self.verdict.refunded += refunded;
    }

    async fn assert_refunds(&mut self, client: &Client, payment: &LoadPayment, moved: &Moved) {
        let mut sum = 0;
        for told in self.books.refunds(&payment.id) {
            let given = moved.refunds.get(&told.id).copied().unwrap_or_default();
            if told.state() == RefundState::Canceled {
                // Of a call that was never sent only the events remain.
                assert_eq!(given, 0, "taken back, and given back: {told:?}");
                continue;
            }
            let request = pb::GetRefundRequest { id: told.id.clone() };
            let refund = answered(|| client.get_refund(request.clone())).await.refund.unwrap();
            assert_eq!(refund.state(), told.state(), "read, and told: {}", told.id);
            let has_succeeded = refund.state() == RefundState::Succeeded;
            let booked = if has_succeeded { minor(&refund.amount) } else { 0 };
            assert_eq!(booked, given, "booked, and given back: {refund:?}");
            sum += given;
            self.verdict.refunds += 1;
        }
        assert_eq!(sum, moved.refunded(&payment.id), "a refund is in no book: {payment:?}");
        for id in &payment.refunds {
            assert!(self.books.refunds(&payment.id).any(|refund| refund.id == *id), "acknowledged, and lost: {id}");
        }
    }
}

/// Asserts what holds at any time.
fn assert_bounded(payment: &LoadPayment, moved: &Moved) {
    let (charged, refunded) = (moved.charged(&payment.id), moved.refunded(&payment.id));
    assert!([0, minor("50.00")].contains(&charged), "charged {charged}: {payment:?}");
    assert!(refunded <= charged, "refunded {refunded} of {charged}: {payment:?}");
}

/// Asserts that the confirmation that was acknowledged is still known by its key.
async fn assert_replayed(client: &Client, payment: &LoadPayment) {
    let confirmation = confirmation(&payment.id, payment.card);
    let again = answered(|| client.confirm_payment_intent(keyed(&payment.confirm_key, confirmation.clone()))).await;
    let again = again.payment_intent.unwrap();
    assert_eq!(again.id, payment.id);
    assert!(
        payment.confirmed != State::Succeeded || again.state() == State::Succeeded,
        "{:?}: {payment:?}",
        again.state()
    );
}

/// Makes a call until it is answered: after what broke before, the first calls may find sessions that are broken.
pub async fn answered<A, F>(call: impl Fn() -> F) -> A
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let begun = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer.into_inner(),
            Err(status) if begun.elapsed() < TIME_LIMIT && status.code() == Code::Unavailable => {
                sleep(Duration::from_millis(100)).await;
            }
            Err(status) => panic!("the judge is not answered: {status:?}"),
        }
    }
}

/// Asserts that every gateway takes a payment.
pub async fn assert_serves(world: &World) {
    for gateway in &world.gateways {
        assert_eq!(gateway.client(&world.key).paid_intent("10.00").await.state(), State::Succeeded);
    }
}
