//! The load: a number of callers at a time, each of which calls again as soon as it is answered.

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tonic::{
    Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::{calls::Caller, outcomes::Outcomes, work::Work};

/// Connections that the callers share, to each gateway.
const CONNECTIONS: usize = 4;
/// Intents that are read in turn.
const READ_INTENTS: usize = 1000;
/// Payments that are made before a round of refunds, for all its callers together.
const REFUNDED_PAYMENTS: usize = 1000;
/// Callers at a time that make what a round needs.
const PREPARING: usize = 32;

/// Someone to call.
#[derive(Clone)]
pub struct Target {
    /// The connections, those to different gateways in turn.
    pub channels: Vec<Channel>,
    /// The key that calls bear.
    pub authorization: MetadataValue<Ascii>,
    /// Where payers approve.
    pub payer_url: String,
    /// The browser of every payer.
    pub browser: reqwest::Client,
    /// The intents that are read.
    pub known: Arc<Vec<String>>,
    /// The events that callers wait for.
    pub outcomes: Outcomes,
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
    /// The idempotency keys of calls that were refused in an outage.
    pub refused: Vec<String>,
}

impl Target {
    /// Connects to the gateways at `addrs`, with the key that its calls bear.
    pub async fn open(addrs: &[SocketAddr], key: &str, payer_url: String) -> Result<Self, Box<dyn Error>> {
        let mut channels = Vec::new();
        for addr in addrs.iter().cycle().take(CONNECTIONS * addrs.len()) {
            channels.push(Endpoint::from_shared(format!("http://{addr}"))?.tcp_nodelay(true).connect().await?);
        }
        let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self {
            channels,
            authorization: format!("Bearer {key}").parse()?,
            payer_url,
            browser,
            known: Arc::default(),
            outcomes: Outcomes::default(),
        })
    }

    /// Makes the intents that will be read.
    pub async fn make_known(mut self) -> Result<Self, Status> {
        self.known = Arc::new(self.made(READ_INTENTS, Work::Create).await?);
        Ok(self)
    }

    /// The caller of this number.
    pub fn caller(&self, number: usize) -> Caller {
        Caller::new(self.clone(), number)
    }

    /// The callers of a round of `work`, and whatever they need.
    pub async fn prepare(&self, work: Work, callers: usize) -> Result<Vec<Caller>, Status> {
        let paid =
            if work == Work::Refund { self.made(REFUNDED_PAYMENTS, Work::CreateAndConfirm).await? } else { Vec::new() };
        let caller = |number| {
            let mut caller = self.caller(number);
            caller.paid = paid.iter().skip(number).step_by(callers).cloned().collect();
            caller
        };
        Ok((0..callers).map(caller).collect())
    }

    /// Has the callers work for `length`, or until there is nothing left to refund.
    pub async fn run(&self, work: Work, callers: Vec<Caller>, length: Duration) -> Result<Round, Status> {
        let needs_events = work == Work::CreateConfirmAndWebhook;
        let _listening = if needs_events { Some(self.outcomes.listen(self).await?) } else { None };
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for mut caller in callers {
            tasks.spawn(async move {
                let mut taken = Vec::new();
                while began.elapsed() < length {
                    let started = Instant::now();
                    if !caller.work(work, taken.len()).await? {
                        break;
                    }
                    taken.push(started.elapsed());
                }
                Ok::<_, Status>((taken, caller.refused))
            });
        }
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (times, keys) in all(tasks).await? {
            taken.extend(times);
            refused.extend(keys);
        }
        Ok(Round { refused, ..Round::of(taken, began.elapsed()) })
    }

    /// Makes `count` intents by `work`, a few at a time, and returns their ids.
    async fn made(&self, count: usize, work: Work) -> Result<Vec<String>, Status> {
        let mut tasks = JoinSet::new();
        for number in 0..PREPARING {
            let caller = self.caller(number);
            tasks.spawn(async move {
                let mut ids = Vec::new();
                for _ in (number..count).step_by(PREPARING) {
                    ids.push(if work == Work::Create { caller.create().await? } else { caller.paid().await? });
                }
                Ok::<_, Status>(ids)
            });
        }
        Ok(all(tasks).await?.concat())
    }
}

impl Round {
    /// Summarizes pieces of work that took so long each, and `whole` in all.
    pub fn of(mut taken: Vec<Duration>, whole: Duration) -> Self {
        taken.sort_unstable();
        let part =
            |percent: usize| taken.get(taken.len() * percent / 100).or(taken.last()).copied().unwrap_or_default();
        let per_second = taken.len() as f64 / whole.as_secs_f64();
        Self { per_second, count: taken.len() as u64, p50: part(50), p99: part(99), refused: Vec::new() }
    }
}

/// The results of all callers, or the first failure.
pub async fn all<T: 'static>(tasks: JoinSet<Result<T, Status>>) -> Result<Vec<T>, Status> {
    tasks.join_all().await.into_iter().collect()
}
