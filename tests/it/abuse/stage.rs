//! A gateway, an honest caller that is measured, and what attacks the gateway meanwhile.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use corefy_gateway::{domain::environment::Environment, pb::PaymentIntentState as State};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::DropGuard;

use super::{length, longest};
use crate::support::{
    app::{http_client, start_sandbox, until},
    client::{APPROVED, Client},
    database::{Backend, TestDatabase},
    process::{GatewayProcess, create_key},
    program::Variables,
};

/// The honest caller's pause between two payments.
const PAUSE: Duration = Duration::from_millis(5);
/// How far the gateway's memory may grow beside an attack, in KiB.
const MOST_MEMORY_KIB: usize = 64 * 1024;
/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A count of what attackers did.
pub type Strikes = Arc<AtomicUsize>;

/// An attacker at work, which goes on until it is dropped.
pub type Attacker = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The stage of an attack.
pub struct Stage {
    pub gateway: GatewayProcess,
    pub client: Client,
    pub database: TestDatabase,
    _stop_sandbox: DropGuard,
}

/// The results of a time.
struct Measured {
    times: Vec<Duration>,
    memory_kib: usize,
}

impl Stage {
    /// A gateway on SQLite with these settings, and a caller of it.
    pub async fn start(settings: &Variables<'_>) -> Self {
        let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
        let (sandbox, _stop_sandbox) = start_sandbox(&Environment::system()).await;
        let gateway = GatewayProcess::start(&database, &sandbox, settings).await;
        let client = gateway.client(&create_key(&database).await);
        Self { gateway, client, database, _stop_sandbox }
    }

    /// Fails unless the honest caller is served well beside these attackers. Prints what they did and what that cost.
    pub async fn withstands(&self, name: &str, attackers: impl IntoIterator<Item = Attacker>, strikes: &Strikes) {
        self.measure(length() / 2).await; // What is only slow at first.
        let alone = self.measure(length()).await;
        let mut attack: JoinSet<()> = attackers.into_iter().collect();
        until("the attack has begun", async || strikes.load(Ordering::Relaxed) > 0).await;
        let beside = self.measure(length()).await;
        attack.abort_all();
        while let Some(ended) = attack.join_next().await {
            assert!(!ended.is_err_and(|error| error.is_panic()), "{name}: an attack was not met as it should be");
        }
        let strikes = strikes.load(Ordering::Relaxed);
        println!(
            "abuse: | {name} | {strikes} | {:.1?} | {:.1?} | {} MiB | {} MiB |",
            alone.p99(),
            beside.p99(),
            alone.memory_kib / 1024,
            beside.memory_kib / 1024
        );
        assert!(
            beside.p99() < longest(alone.p99()),
            "{name}: p99 {:?} beside it, {:?} alone",
            beside.p99(),
            alone.p99()
        );
        assert!(beside.memory_kib < alone.memory_kib + MOST_MEMORY_KIB, "{name}: {} KiB", beside.memory_kib);
        let ready = http_client().get(format!("http://{}/readyz", self.gateway.http)).send().await.unwrap();
        assert_eq!(ready.status(), 200, "{name}");
    }

    /// Has the caller pay one payment after another for so long; no call may fail.
    async fn measure(&self, time: Duration) -> Measured {
        let (until, mut times) = (Instant::now() + time, Vec::new());
        let paying = async {
            while Instant::now() < until {
                let begun = Instant::now();
                let intent = self.client.intent("50.00").await;
                assert_eq!(self.client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
                times.push(begun.elapsed());
                sleep(PAUSE).await;
            }
        };
        let mut memory_kib = 0;
        let looking = async {
            loop {
                memory_kib = self.gateway.program.memory_kib().max(memory_kib);
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = paying => {}
            () = looking => {}
        }
        Measured { times, memory_kib }
    }
}

impl Measured {
    fn p99(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        times[(times.len() - 1) * 99 / 100]
    }
}

/// `count` attackers that each do the same at this address.
pub fn many<F>(
    count: usize,
    address: SocketAddr,
    strikes: &Strikes,
    attack: impl Fn(SocketAddr, Strikes) -> F,
) -> Vec<Attacker>
where
    F: Future<Output = ()> + Send + 'static,
{
    (0..count).map(|_| Box::pin(attack(address, strikes.clone())) as Attacker).collect()
}
