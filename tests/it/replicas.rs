//! Three gateways, each a process of its own, on one PostgreSQL database. One of them is killed while it confirms, and the
//! other two finish its work.

use std::time::Duration;

use corefy_gateway::{
    domain::environment::Environment,
    pb::{self, PaymentIntentState as State},
    sandbox::Sandbox,
};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{
    app::{start_sandbox, until},
    client::{APPROVED, Client, confirmation, keyed, new_intent},
    database::{Backend, TestDatabase},
    money::{CONFIRM, minor},
    process::{GatewayProcess, create_key},
};

const GATEWAYS: usize = 3;
/// Which of them is killed.
const VICTIM: usize = 1;
/// Payments that are confirmed over each gateway, all at the same time.
const PAYMENTS: usize = 6;
/// How late Corefy answers what it has carried out: far longer than it takes to kill a process.
const ANSWER_DELAY: Duration = Duration::from_secs(4);

/// A gateway as a process, and a caller of it.
struct Replica {
    process: GatewayProcess,
    client: Client,
}

/// One payment, confirmed over one gateway under one idempotency key.
#[derive(Clone)]
struct ReplicaPayment {
    gateway: usize,
    intent: String,
    key: String,
}

type Confirmed = Result<Response<pb::ConfirmPaymentIntentResponse>, Status>;

impl Replica {
    async fn start(database: &TestDatabase, sandbox: &Sandbox, key: &str) -> Self {
        let process = GatewayProcess::start(database, sandbox, &[("COREFY_TIMEOUT_SECONDS", "20")]).await;
        let client = process.client(key);
        Self { process, client }
    }
}

impl ReplicaPayment {
    async fn confirm(&self, client: &Client) -> Confirmed {
        client.confirm_payment_intent(keyed(&self.key, confirmation(&self.intent, APPROVED))).await
    }
}

/// Payments that are ready to be confirmed, as many over each gateway.
async fn new_payments(gateways: &[Replica]) -> Vec<ReplicaPayment> {
    let mut payments = Vec::new();
    for (gateway, Replica { client, .. }) in gateways.iter().enumerate() {
        for number in 0..PAYMENTS {
            let created = client.create_payment_intent(new_intent("50.00")).await.unwrap().into_inner();
            let key = format!("confirm-{gateway}-{number}");
            payments.push(ReplicaPayment { gateway, intent: created.payment_intent.unwrap().id, key });
        }
    }
    payments
}

/// Begins to confirm all of them at once.
fn confirm_all(gateways: &[Replica], payments: &[ReplicaPayment]) -> JoinSet<(ReplicaPayment, Confirmed)> {
    let mut confirming = JoinSet::new();
    for payment in payments.iter().cloned() {
        let client = gateways[payment.gateway].client.clone();
        confirming.spawn(async move {
            let answer = payment.confirm(&client).await;
            (payment, answer)
        });
    }
    confirming
}

fn intent(answer: &Response<pb::ConfirmPaymentIntentResponse>) -> &pb::PaymentIntent {
    answer.get_ref().payment_intent.as_ref().unwrap()
}

/// Waits until the survivors have found the outcome of the payment by themselves: reading events makes no lookup.
async fn assert_found_out(client: &Client, payment: &ReplicaPayment) {
    until("the survivors find out what became of a payment", async || {
        client.event_types(&payment.intent).await.contains(&"payment_intent.succeeded".to_owned())
    })
    .await;
}

/// Asserts that the survivor `client` reports the payment truly and once: to a repetition of the call, and to a read.
async fn assert_finished(client: &Client, payment: &ReplicaPayment) {
    let answer = payment.confirm(client).await.unwrap();
    assert!(answer.metadata().contains_key("idempotent-replayed"), "{}", payment.key);
    assert_eq!(intent(&answer).state(), State::Succeeded, "{}", payment.key);
    let read = client.get(&payment.intent).await;
    assert_eq!((read.state(), read.amount_received.as_str()), (State::Succeeded, "50.00"), "{}", payment.key);
    let told = client.event_types(&payment.intent).await;
    assert_eq!(told.iter().filter(|kind| *kind == "payment_intent.succeeded").count(), 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_of_three_gateways_is_killed_during_confirms_the_others_finish_its_work() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let (sandbox, _stop_sandbox) = start_sandbox(&Environment::system()).await;
    let key = create_key(&database).await;
    let mut gateways = Vec::new();
    for _ in 0..GATEWAYS {
        gateways.push(Replica::start(&database, &sandbox, &key).await);
    }
    let payments = new_payments(&gateways).await;

    sandbox.faults().set(|switches| switches.answer_delay_ms = ANSWER_DELAY.as_millis() as u64);
    let mut confirming = confirm_all(&gateways, &payments);
    let is_charged = |payment: &ReplicaPayment| sandbox.ledger().charged(&payment.intent) > 0;
    let victims = payments.iter().filter(|payment| payment.gateway == VICTIM);
    until("what the victim confirms is charged", async || victims.clone().all(is_charged)).await;
    gateways[VICTIM].process.program.kill().await;
    let mut unanswered = Vec::new();
    while let Some(ended) = confirming.join_next().await {
        let (payment, answer) = ended.unwrap();
        match answer {
            Ok(answer) => assert_eq!(intent(&answer).state(), State::Succeeded),
            Err(error) => {
                assert_eq!(payment.gateway, VICTIM, "only the dead do not answer: {error}");
                unanswered.push(payment);
            }
        }
    }
    let orphan = unanswered.first().expect("the last payment was charged, and not answered, when the victim died");
    sandbox.faults().clear();

    let survivors: Vec<_> = gateways.iter().enumerate().filter(|(place, _)| *place != VICTIM).collect();
    // The leases of the dead end by themselves, and soon.
    assert_found_out(&survivors[0].1.client, orphan).await;
    for payment in &payments {
        assert_found_out(&survivors[0].1.client, payment).await;
        for (_, survivor) in &survivors {
            assert_finished(&survivor.client, payment).await;
        }
        assert_eq!(sandbox.ledger().charged(&payment.intent), minor("50.00"), "{}", payment.key);
    }
    let confirms = sandbox.request_count(CONFIRM.0, CONFIRM.1);
    assert_eq!(confirms, payments.len() as u64, "what moves money was sent once for each payment");
}
