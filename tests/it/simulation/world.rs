//! The gateway, its database, its Corefy, its callers and its time.

use std::{net::IpAddr, sync::Arc, time::Duration};

use corefy_gateway::{
    app::{App, webhooks::Delivery},
    config::{
        Config,
        local::{SandboxKeys, sandbox_upstream},
    },
    domain::{environment::Environment, proxies::CallSource},
    pb::{self, event_service_client::EventServiceClient, payment_intent_service_client::PaymentIntentServiceClient},
    rpc::{self, InProcess},
    sandbox::Sandbox,
    server::{self, Harness},
};
use fastrand::Rng;
use secrecy::ExposeSecret as _;
use tokio::{task::JoinSet, time::Instant};
use tonic::Request;

use super::{
    network::{Network, Requests},
    steps::{Step, any_fault, authorized},
};
use crate::support::{
    app::{START, config, create_key, sandbox_options},
    database::TestDatabase,
    money::minor,
};

/// Callers that act at the same time in a round.
const CALLERS: usize = 4;
/// Of a hundred rounds, how many begin with a fault at Corefy; of a hundred webhooks, how many are lost, or come twice.
const FAULTY: u8 = 40;
const LOST: u8 = 20;
const DOUBLED: u8 = 20;
/// The time after which everything is known for certain, and the steps in which it goes by.
const CALM: Duration = Duration::from_secs(1800);
const CALM_STEP: Duration = Duration::from_secs(15);
/// Steps of a worker in a row at most.
const WORK: usize = 100;

/// All that a run has shown.
pub struct Outcome {
    pub requests: Vec<String>,
    pub answers: Vec<String>,
    pub events: Vec<String>,
}

/// The world of one run.
pub struct World {
    rng: Rng,
    environment: Environment,
    /// The moment up to which the clock of the day has followed that of the runtime.
    followed: Instant,
    sandbox: Sandbox,
    app: App,
    service: InProcess,
    api_key: String,
    intents: Vec<String>,
    calls: usize,
    requests: Requests,
    answers: Vec<String>,
    _database: TestDatabase,
}

impl World {
    pub async fn new(seed: u64) -> Self {
        let environment = Environment::from_seed(START, seed);
        let database = TestDatabase::in_lock_step();
        let sandbox = Sandbox::in_process(sandbox_options(), environment.clone()).unwrap();
        let config: Config = config(&database, sandbox_upstream(&SandboxKeys::default(), sandbox.base_url()));
        let requests = Requests::default();
        let patience = config.upstream.timeout;
        let network = Network { corefy: sandbox.clone(), patience, requests: requests.clone() };
        let harness = Harness {
            environment: environment.clone(),
            in_lock_step: true,
            sender: Some(Arc::new(network)),
            ..Harness::default()
        };
        let api_key = create_key(&database, &environment, |_| {}).await.expose_secret().to_owned();
        let app = server::build(&config, &harness).await.unwrap();
        Self {
            rng: Rng::with_seed(seed),
            environment,
            followed: Instant::now(),
            sandbox,
            service: rpc::in_process(&app),
            app,
            api_key,
            intents: Vec::new(),
            calls: 0,
            requests,
            answers: Vec::new(),
            _database: database,
        }
    }

    /// Several callers act at the same time; then time goes by, webhooks arrive or do not, and workers do their part.
    pub async fn round(&mut self) {
        if self.rng.u8(0..100) < FAULTY {
            let ((method, template), fault) = any_fault(&mut self.rng);
            self.sandbox.faults().fail_next(1, method, template, fault);
        }
        let mut calls = JoinSet::new();
        for _ in 0..CALLERS {
            self.calls += 1;
            let (step, key) = (Step::any(&mut self.rng, &self.intents), format!("call-{}", self.calls));
            calls.spawn(step.make(self.service.clone(), self.api_key.clone(), key));
        }
        while let Some(answered) = calls.join_next().await {
            let (answer, made) = answered.unwrap();
            self.answers.push(answer);
            self.intents.extend(made);
        }
        let time = Duration::from_secs(self.rng.u64(0..30));
        self.pass(time).await;
    }

    /// Lets what was begun come to its end, with no fault any more.
    pub async fn calm_down(&mut self) {
        self.sandbox.faults().clear();
        self.sandbox.faults().set(|switches| switches.webhooks.hold = true);
        for _ in 0..CALM.as_secs() / CALM_STEP.as_secs() {
            self.pass(CALM_STEP).await;
        }
    }

    /// The gateway says of each payment exactly that which moved at Corefy.
    pub async fn assert_books_agree(&self) {
        let ledger = self.sandbox.ledger();
        let mut client = PaymentIntentServiceClient::new(self.service.clone());
        for id in &self.intents {
            let request = Request::new(pb::GetPaymentIntentRequest { id: id.clone() });
            let answer = client.get_payment_intent(authorized(request, &self.api_key)).await.unwrap();
            let intent = answer.into_inner().payment_intent.unwrap();
            let booked = (minor(&intent.amount_received), minor(&intent.amount_refunded));
            assert_eq!(booked, (ledger.charged(id), ledger.refunded(id)), "(received, refunded) of {id}");
        }
    }

    /// All that has happened.
    pub async fn outcome(self) -> Outcome {
        let mut client = EventServiceClient::new(self.service.clone());
        let (mut events, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = Request::new(pb::ListEventsRequest { page_size: 100, page_token, ..Default::default() });
            let page = client.list_events(authorized(request, &self.api_key)).await.unwrap().into_inner();
            events.extend(page.events.iter().map(|event| format!("{event:?}")));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        self.app.drain().await;
        Outcome { requests, answers: self.answers, events }
    }

    /// Lets time go by: what the runtime's clock has shown since, and this.
    async fn pass(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        let now = Instant::now();
        self.environment.clock.advance(now - self.followed);
        self.followed = now;
        self.sandbox.settle_due();
        self.deliver().await;
        self.work().await;
    }

    /// Delivers the webhooks that are not lost.
    async fn deliver(&mut self) {
        let source = CallSource { address: None, peer: IpAddr::from([127, 0, 0, 1]) };
        for webhook in self.sandbox.take_held() {
            let fate = self.rng.u8(0..100);
            let times = if fate < LOST { 0 } else { 1 + usize::from(fate < LOST + DOUBLED) };
            for _ in 0..times {
                let signature = Some(webhook.signature.as_str());
                let delivery = Delivery { body: &webhook.body, signature, headers: "{}", source };
                self.app.webhooks.verify_webhook(&delivery).unwrap();
                self.app.webhooks.receive_webhook(&delivery).await.unwrap();
            }
        }
    }

    /// Has the workers take their steps until nothing is due.
    async fn work(&self) {
        let app = &self.app;
        for _ in 0..WORK {
            app.payments.renew_leases().await.unwrap();
            let taken = app.webhooks.process_webhooks().await.unwrap() + app.payments.recover().await.unwrap();
            if taken + app.api_calls.write_api_calls().await.unwrap() == 0 {
                break;
            }
        }
    }
}
