//! The load: payers that create, confirm and refund, and repeat each call under its key until it is answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use corefy_gateway::pb::PaymentIntentState as State;
use fastrand::Rng;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};

use super::{between, world::Doors};
use crate::support::client::{Client, KeyedCall, confirmation, keyed, new_intent, new_refund, reason};

/// How long one try may take before it is made elsewhere.
const TRY: Duration = Duration::from_secs(8);
/// How long a call may take with all its repetitions: longer than a lease.
const IDLE_TIMEOUTS: Duration = Duration::from_secs(120);

/// The answers about one payment.
#[derive(Debug)]
pub struct LoadPayment {
    pub id: String,
    pub confirm_key: String,
    pub card: &'static str,
    pub confirmed: State,
    /// The ids of the refunds that were acknowledged.
    pub refunds: Vec<String>,
}

/// The results of a load.
#[derive(Default)]
pub struct Report {
    pub payments: Vec<LoadPayment>,
    /// The idempotency keys of refunds, those that were refused included.
    pub refund_keys: usize,
    /// Every try that had to be repeated, and how it ended.
    pub failures: Vec<Status>,
    /// How long each confirmation took, with its repetitions.
    pub times: Vec<Duration>,
}

/// Payers at work.
pub struct Load {
    stop: CancellationToken,
    payers: JoinSet<Report>,
}

impl Load {
    /// Starts `count` payers. `cards` are those they pay with.
    pub fn start(doors: &Arc<Doors>, count: usize, random: &mut Rng, cards: &'static [&'static str]) -> Self {
        let stop = CancellationToken::new();
        let mut payers = JoinSet::new();
        for _ in 0..count {
            let (random, name) = (random.fork(), format!("{:x}", random.u64(..)));
            let payer = Payer { doors: doors.clone(), random, report: Report::default() };
            payers.spawn(payer.run(name, cards, stop.clone()));
        }
        Self { stop, payers }
    }

    /// Stops it when each payer has finished its payment.
    pub async fn stop(self) -> Report {
        self.stop.cancel();
        let mut all = Report::default();
        for report in self.payers.join_all().await {
            all.payments.extend(report.payments);
            all.failures.extend(report.failures);
            all.times.extend(report.times);
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
    random: Rng,
    report: Report,
}

impl Payer {
    async fn run(mut self, name: String, cards: &'static [&'static str], stop: CancellationToken) -> Report {
        let mut number = 0;
        while !stop.is_cancelled() {
            let card = self.random.choice(cards).copied().unwrap();
            self.pay(&format!("{name}-{number}"), card).await;
            number += 1;
        }
        self.report
    }

    /// One payment, and up to two refunds of it.
    async fn pay(&mut self, name: &str, card: &'static str) {
        let create = |client: Client, call| async move { client.create_payment_intent(call).await };
        let created = self.call(&format!("create-{name}"), new_intent("50.00"), create).await;
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
        self.report.payments.push(LoadPayment { id: created.id, confirm_key, card, confirmed, refunds });
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
        let begun = Instant::now();
        loop {
            let client = self.doors.any(&mut self.random);
            let answer = timeout(TRY, send(client, keyed(key, message.clone()))).await;
            let failure = match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if is_refused(&status) => return Err(status),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("the payer hung up"),
            };
            assert!(begun.elapsed() < IDLE_TIMEOUTS, "{key} is not answered: {failure:?}");
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
