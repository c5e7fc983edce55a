//! One simulated gateway: the real one, with its calls in the same process, its workers, and a threshold at which it can die.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use corefy_gateway::{
    app::App,
    config::Config,
    domain::environment::Environment,
    rpc::{self, InProcess},
    server::{self, Harness},
};
use tokio::time::sleep;

use super::{
    network::{GatewayLine, Network},
    threshold::{DayTime, Threshold, WorldTime},
};
use crate::support::app::START;

/// How often leases are renewed.
const RENEW: Duration = Duration::from_secs(1);
/// Seeds of the lives of a gateway lie so far apart.
const LIVES: u64 = 1_000;

/// The pause of workers between two looks, which grows when there is calm.
#[derive(Clone, Debug)]
pub struct WorkPace(Arc<AtomicU64>);

impl WorkPace {
    /// A pause of this length.
    pub fn new(pause: Duration) -> Self {
        let pace = Self(Arc::default());
        pace.set(pause);
        pace
    }

    /// Makes the pause this long.
    pub fn set(&self, pause: Duration) {
        self.0.store(u64::try_from(pause.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The circumstances that gateways are started under.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub config: Arc<Config>,
    pub network: Arc<Network>,
    pub seed: u64,
    pub time: WorldTime,
    pub pace: WorkPace,
    /// Whether there may be others.
    pub is_beside_others: bool,
}

/// A gateway that was started.
pub struct SimulatedGateway {
    pub app: App,
    pub service: InProcess,
    pub threshold: Arc<Threshold>,
}

impl SimulatedGateway {
    /// Starts the gateway of this number, which has lived so often before.
    pub async fn start(circumstances: &Circumstances, number: usize, lives: u64) -> Self {
        let Circumstances { config, network, seed, time, pace, is_beside_others } = circumstances;
        let own = seed.wrapping_mul(LIVES).wrapping_add(lives * 10).wrapping_add(number as u64);
        let environment = Environment::from_seed(START, own);
        let time = DayTime::new(environment.clock.clone(), time.clone());
        time.follow();
        let threshold = Arc::new(Threshold::new(time));
        let line = GatewayLine { network: network.clone(), threshold: threshold.clone(), gateway: number };
        let harness = Harness {
            environment,
            in_lock_step: true,
            store_gate: Some(threshold.clone()),
            is_beside_others: *is_beside_others,
            sender: Some(Arc::new(line)),
            ..Harness::default()
        };
        let app = server::build(config, &harness).await.unwrap();
        // They end with the run: those of the dead go no further.
        tokio::spawn(renew(app.clone(), threshold.clone()));
        tokio::spawn(work(app.clone(), threshold.clone(), pace.clone()));
        Self { service: rpc::in_process(&app), app, threshold }
    }
}

/// Has the clock go on, and renews the leases of what the gateway is at. What fails is tried again.
async fn renew(app: App, threshold: Arc<Threshold>) {
    while !threshold.is_dead() {
        threshold.time.follow();
        let _ = app.payments.renew_leases().await;
        sleep(RENEW).await;
    }
}

/// Takes the steps of the other workers.
async fn work(app: App, threshold: Arc<Threshold>, pace: WorkPace) {
    while !threshold.is_dead() {
        threshold.time.follow();
        let _ = app.payments.renew_leases().await;
        let recovered = app.payments.recover().await.unwrap_or_default();
        let processed = app.webhooks.process_webhooks().await.unwrap_or_default();
        let _ = app.api_calls.write_api_calls().await;
        if recovered + processed == 0 {
            sleep(pace.pause()).await;
        }
    }
}
