//! The load: a number of callers at a time, each of which calls again as soon as it is answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use corefy_gateway::{
    pb,
    pb::{confirm_payment_intent_request::Source, payment_intent_service_client::PaymentIntentServiceClient},
};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

/// Connections that the callers share.
const CONNECTIONS: usize = 4;
/// Intents that are read in turn.
const READ_INTENTS: usize = 1000;

/// The kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// One `CreatePaymentIntent`.
    Create,
    /// One `GetPaymentIntent`.
    Get,
    /// One `CreatePaymentIntent`, then one `ConfirmPaymentIntent`; counted as one.
    CreateAndConfirm,
}

impl Work {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Create, Self::Get, Self::CreateAndConfirm];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::CreateAndConfirm => "create + confirm",
        }
    }
}

/// Someone to call.
#[derive(Clone)]
pub struct Target {
    clients: Vec<PaymentIntentServiceClient<Channel>>,
    authorization: MetadataValue<tonic::metadata::Ascii>,
    known: Arc<Vec<String>>,
}

/// The measurements of one round.
#[derive(Clone, Debug)]
pub struct Round {
    /// Pieces of work done in a second.
    pub per_second: f64,
    /// Pieces of work done in all.
    pub count: u64,
    /// The median of how long one took.
    pub p50: Duration,
    /// The 99th percentile of how long one took.
    pub p99: Duration,
}

impl Target {
    /// Connects to `addr`, with the key that its calls bear, and makes the intents that will be read.
    pub async fn connect(addr: std::net::SocketAddr, key: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let channel = Endpoint::from_shared(format!("http://{addr}"))?.tcp_nodelay(true).connect().await?;
            clients.push(PaymentIntentServiceClient::new(channel));
        }
        let authorization = format!("Bearer {key}").parse()?;
        let mut target = Self { clients, authorization, known: Arc::default() };
        let mut known = Vec::new();
        for _ in 0..READ_INTENTS {
            known.push(target.create(0).await?);
        }
        target.known = Arc::new(known);
        Ok(target)
    }

    /// Has `callers` work for `length`.
    pub async fn run(&self, work: Work, callers: usize, length: Duration) -> Result<Round, Status> {
        let began = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let mut target = self.clone();
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    while began.elapsed() < length {
                        let started = Instant::now();
                        target.work(work, caller, taken.len()).await?;
                        taken.push(started.elapsed());
                    }
                    Ok::<_, Status>(taken)
                })
            })
            .collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await.expect("a caller does not panic")?);
        }
        let whole = began.elapsed().as_secs_f64();
        taken.sort_unstable();
        let part = |percent: usize| taken[(taken.len() * percent / 100).min(taken.len() - 1)];
        let count = taken.len() as u64;
        Ok(Round { per_second: count as f64 / whole, count, p50: part(50), p99: part(99) })
    }

    async fn work(&mut self, work: Work, caller: usize, turn: usize) -> Result<(), Status> {
        match work {
            Work::Create => self.create(caller).await.map(|_| ()),
            Work::Get => self.get(caller, turn).await,
            Work::CreateAndConfirm => {
                let id = self.create(caller).await?;
                self.confirm(caller, id).await
            }
        }
    }

    /// Makes an intent that is paid, and returns its id.
    pub async fn paid(&mut self) -> Result<String, Status> {
        let id = self.create(0).await?;
        self.confirm(0, id.clone()).await?;
        Ok(id)
    }

    /// A call as the clients make it: with the key, and with an idempotency key when it changes something.
    fn request<T>(&self, message: T, is_mutation: bool) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        if is_mutation {
            let key = Uuid::now_v7().to_string().parse().expect("digits and dashes");
            request.metadata_mut().insert("idempotency-key", key);
        }
        request
    }

    async fn create(&mut self, caller: usize) -> Result<String, Status> {
        let request = self.request(
            pb::CreatePaymentIntentRequest {
                amount: "100.00".to_owned(),
                currency: "USD".to_owned(),
                customer_email: "customer@example.com".to_owned(),
                description: "order 4711".to_owned(),
                ..Default::default()
            },
            true,
        );
        let answer = self.clients[caller % CONNECTIONS].create_payment_intent(request).await?.into_inner();
        Ok(answer.payment_intent.unwrap_or_default().id)
    }

    async fn get(&mut self, caller: usize, turn: usize) -> Result<(), Status> {
        let id = self.known[(caller * 37 + turn) % self.known.len()].clone();
        let request = self.request(pb::GetPaymentIntentRequest { id }, false);
        self.clients[caller % CONNECTIONS].get_payment_intent(request).await.map(|_| ())
    }

    async fn confirm(&mut self, caller: usize, id: String) -> Result<(), Status> {
        let card = pb::Card {
            number: "4111111111111111".to_owned(),
            expiry_month: 12,
            expiry_year: 2035,
            cvv: "123".to_owned(),
            ..Default::default()
        };
        let message = pb::ConfirmPaymentIntentRequest {
            payment_intent_id: id,
            source: Some(Source::Card(card)),
            ..Default::default()
        };
        let request = self.request(message, true);
        self.clients[caller % CONNECTIONS].confirm_payment_intent(request).await.map(|_| ())
    }
}
