//! The load: payers that create, confirm and refund, and repeat each call under its key until it is answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use corefy_gateway::{
    pb::{self, PaymentIntentState as State},
    sandbox::Sandbox,
};
use fastrand::Rng;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};

use super::{
    between, corefy,
    world::{Doors, World},
};
use crate::support::client::{APPROVED, Client, KeyedCall, confirmation, keyed, new_intent, new_refund, reason};

/// How long one try may take before it is made elsewhere.
const TRY: Duration = Duration::from_secs(4);
/// How long a call may take with all its repetitions: longer than what is broken stays so, and than a lease.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The answers about one payment.
#[derive(Debug)]
pub struct LoadPayment {
    pub id: String,
    pub confirm_key: String,
    pub card: &'static str,
    pub confirmed: State,
    /// When its confirmation began, and how long that and all that followed took.
    pub begun: Instant,
    pub time: Duration,
    /// The ids of the refunds that were acknowledged.
    pub refunds: Vec<String>,
}

/// The results of a load.
#[derive(Default)]
pub struct Report {
    pub payments: Vec<LoadPayment>,
    /// The idempotency keys of refunds, those that were refused included.
    pub refund_keys: usize,
    /// Tries that were answered.
    pub answers: usize,
    /// Every try that had to be repeated, and how it ended.
    pub failures: Vec<Status>,
    /// How long each confirmation took, with its repetitions.
    pub times: Vec<Duration>,
}

/// The payers of a load.
#[derive(Clone, Copy)]
pub struct LoadPlan {
    pub payers: usize,
    /// The cards they pay with.
    pub cards: &'static [&'static str],
    /// How long each rests after a payment, in milliseconds.
    pub rest: u64,
    /// Whether Corefy has faults by chance.
    pub has_faults: bool,
}

impl LoadPlan {
    /// Payers whose cards are approved by a Corefy that works.
    pub fn steady(payers: usize) -> Self {
        Self { payers, cards: &[APPROVED], rest: 0, has_faults: false }
    }
}

/// How often creations in doubt are looked up while payers wait for them.
const HASTE: Duration = Duration::from_millis(500);

/// Payers at work.
pub struct Load {
    stop: CancellationToken,
    payers: JoinSet<Report>,
}

impl Load {
    /// Starts it.
    pub fn start(world: &World, random: &mut Rng, plan: LoadPlan) -> Self {
        let stop = CancellationToken::new();
        let mut payers = JoinSet::new();
        for _ in 0..plan.payers {
            let (random, name) = (random.fork(), format!("{:x}", random.u64(..)));
            let (doors, sandbox) = (world.doors.clone(), world.sandbox.clone());
            let payer = Payer { doors, sandbox, plan, random, report: Report::default() };
            payers.spawn(payer.run(name, stop.clone()));
        }
        Self { stop, payers }
    }

    /// Stops it when each payer has finished its payment. For that no payer waits for long for a creation in doubt.
    pub async fn stop(mut self, world: &World) -> Report {
        self.stop.cancel();
        let mut all = Report::default();
        while !self.payers.is_empty() {
            let Ok(ended) = timeout(HASTE, self.payers.join_next()).await else {
                world.hasten_creations().await;
                continue;
            };
            let report = ended.unwrap().unwrap();
            all.payments.extend(report.payments);
            all.failures.extend(report.failures);
            all.times.extend(report.times);
            all.answers += report.answers;
            all.refund_keys += report.refund_keys;
        }
        all
    }
}

impl Report {
    /// The latency that one confirmation in a hundred exceeded.
    pub fn p99(&mut self) -> Duration {
        self.times.sort_unstable();
        self.times[self.times.len() * 99 / 100]
    }
}

struct Payer {
    doors: Arc<Doors>,
    sandbox: Sandbox,
    plan: LoadPlan,
    random: Rng,
    report: Report,
}

impl Payer {
    async fn run(mut self, name: String, stop: CancellationToken) -> Report {
        let mut number = 0;
        while !stop.is_cancelled() {
            let card = self.random.choice(self.plan.cards).copied().unwrap();
            self.pay(&format!("{name}-{number}"), card).await;
            number += 1;
            sleep(between(&mut self.random, 0..self.plan.rest + 1)).await;
        }
        self.report
    }

    /// One payment, and up to two refunds of it.
    async fn pay(&mut self, name: &str, card: &'static str) {
        let intent = pb::CreatePaymentIntentRequest {
            customer_email: format!("payer-{name}@example.com"),
            ..new_intent("50.00")
        };
        let create = |client: Client, call| async move { client.create_payment_intent(call).await };
        let created = self.call(&format!("create-{name}"), intent, create).await;
        let created = created.unwrap_or_else(|status| panic!("a creation was refused: {status:?}"));
        let created = created.payment_intent.unwrap();

        let (confirm_key, begun) = (format!("confirm-{name}"), Instant::now());
        let confirm = |client: Client, call| async move { client.confirm_payment_intent(call).await };
        let confirmed = self.call(&confirm_key, confirmation(&created.id, card), confirm).await;
        let confirmed = confirmed.unwrap_or_else(|status| panic!("a confirmation was refused: {status:?}"));
        let confirmed = confirmed.payment_intent.unwrap().state();
        self.report.times.push(begun.elapsed());

        let refunds = if confirmed == State::Succeeded { self.random.usize(..3) } else { 0 };
        let refunds = self.refund(name, &created.payment_id, refunds).await;
        let (id, time) = (created.id, begun.elapsed());
        self.report.payments.push(LoadPayment { id, confirm_key, card, confirmed, begun, time, refunds });
    }

    async fn refund(&mut self, name: &str, payment: &str, count: usize) -> Vec<String> {
        let mut refunds = Vec::new();
        for number in 0..count {
            let create = |client: Client, call| async move { client.create_refund(call).await };
            let refunded = self.call(&format!("refund-{name}-{number}"), new_refund(payment, "20.00"), create).await;
            let refunded = refunded.unwrap_or_else(|status| panic!("a refund was refused: {status:?}"));
            refunds.push(refunded.refund.unwrap().id);
            self.report.refund_keys += 1;
        }
        refunds
    }

    /// Makes a call under a key, at any door and again, until it is answered or refused for good.
    async fn call<Q: Clone, A, F>(
        &mut self,
        key: &str,
        message: Q,
        send: impl Fn(Client, KeyedCall<Q>) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        // Once a call: else those that are repeated for long would keep Corefy from ever working again.
        if self.plan.has_faults {
            corefy::strike_by_chance(&self.sandbox, &mut self.random);
        }
        let begun = Instant::now();
        loop {
            let client = self.doors.any(&mut self.random);
            let answer = timeout(TRY, send(client, keyed(key, message.clone()))).await;
            let failure = match answer {
                Ok(Ok(answer)) => {
                    self.report.answers += 1;
                    return Ok(answer.into_inner());
                }
                Ok(Err(status)) if is_refused(&status) => return Err(status),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("the payer hung up"),
            };
            assert!(begun.elapsed() < TIME_LIMIT, "{key} is not answered: {failure:?}");
            self.report.failures.push(failure);
            sleep(between(&mut self.random, 10..100)).await;
        }
    }
}

/// Whether the gateway has refused the call for good. A confirmation finds an attempt in doubt while the intent's creation
/// is, which ends.
fn is_refused(status: &Status) -> bool {
    let may_be_repeated = matches!(
        status.code(),
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded | Code::Cancelled
    );
    let reason = reason(status);
    !may_be_repeated && !reason.is_empty() && reason != "ATTEMPT_IN_DOUBT"
}
