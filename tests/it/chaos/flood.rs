//! Forged webhooks, wrong keys and connections that say nothing, while honest callers are measured against a control.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use reqwest::StatusCode;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    task::JoinSet,
    time::{interval, sleep},
};
use tonic::Code;

use super::{
    ChaosPlan,
    load::{Load, LoadPlan, Report},
    world::World,
};
use crate::support::{
    app::http_client,
    client::{Client, new_intent},
    database::{Backend, TestDatabase},
    process::create_key,
};

const PAYERS: usize = 4;
/// Pairs of a quiet and a flooded time in a short run.
const FEW: usize = 2;
/// The cost of a round, in kills.
const COST: usize = 10;
/// How long each lasts.
const PHASE: Duration = Duration::from_millis(1500);
/// Attackers of each kind, and how often each strikes.
const ATTACKERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(10);
/// Connections to each port of which nothing useful comes.
const CONNECTIONS: usize = 100;
/// The greatest p99 of confirmations, as a multiple of the control's. The attackers take their share of this machine's
/// cores, and so do other tests, so it only distinguishes service from none.
const MAX_GROWTH: f64 = 10.0;
/// Below that no growth matters: what one pause of a busy machine costs.
const NEGLIGIBLE: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_callers_are_served_while_others_flood_the_gateway() {
    let plan = ChaosPlan::new("flood", FEW, COST);
    let world = World::start(Backend::Sqlite, 1).await.unwrap();
    let unknown_key = create_key(&TestDatabase::new(Backend::Sqlite).await.unwrap()).await;
    let mut random = Rng::with_seed(plan.seed);
    let (mut quiet, mut flooded, mut refused) = (Report::default(), Report::default(), 0);
    pay_for(&world, &mut random, PHASE / 2).await; // what is only slow at first
    for _ in 0..plan.rounds {
        add(&mut quiet, pay_for(&world, &mut random, PHASE).await);
        let attack = Attack::start(&world, &unknown_key).await;
        add(&mut flooded, pay_for(&world, &mut random, PHASE).await);
        assert_ready(&world).await;
        refused += attack.stop().await;
    }
    let (before, during) = (quiet.p99(), flooded.p99());
    println!(
        "flood: {} rounds, {} payments before, {} during, {refused} attacks refused, p99 of confirmations {before:?} before, \
         {during:?} during",
        plan.rounds,
        quiet.times.len(),
        flooded.times.len(),
    );
    assert!(refused > 100, "there was no flood: {refused}");
    let failures: Vec<_> = quiet.failures.iter().chain(&flooded.failures).collect();
    assert!(failures.is_empty(), "{failures:?}");
    assert!(during < NEGLIGIBLE || during < before.mul_f64(MAX_GROWTH), "p99 {before:?} before, {during:?} during");
}

async fn pay_for(world: &World, random: &mut Rng, time: Duration) -> Report {
    let load = Load::start(world, random, LoadPlan::steady(PAYERS));
    sleep(time).await;
    load.stop(world).await
}

fn add(all: &mut Report, report: Report) {
    all.times.extend(report.times);
    all.failures.extend(report.failures);
}

async fn assert_ready(world: &World) {
    let url = format!("http://{}/readyz", world.gateways[0].http);
    assert_eq!(http_client().get(url).send().await.unwrap().status(), StatusCode::OK);
}

/// Attackers at work; they end when this is dropped.
struct Attack {
    attackers: JoinSet<()>,
    refused: Count,
}

/// Attacks that were refused.
type Count = Arc<AtomicUsize>;

impl Attack {
    async fn start(world: &World, unknown_key: &str) -> Self {
        let (mut attackers, refused) = (JoinSet::new(), Count::default());
        let gateway = &world.gateways[0];
        for _ in 0..ATTACKERS {
            attackers.spawn(forge_webhooks(gateway.http, refused.clone()));
            attackers.spawn(guess_keys(gateway.client(unknown_key), refused.clone()));
        }
        for address in [gateway.grpc, gateway.http] {
            for _ in 0..CONNECTIONS {
                attackers.spawn(drip(address));
            }
        }
        Self { attackers, refused }
    }

    /// Ends it, and counts what was refused. Fails when something was not.
    async fn stop(mut self) -> usize {
        self.attackers.abort_all();
        while let Some(ended) = self.attackers.join_next().await {
            assert!(!ended.is_err_and(|error| error.is_panic()), "an attack was not refused");
        }
        self.refused.load(Ordering::Relaxed)
    }
}

async fn forge_webhooks(http: SocketAddr, refused: Count) {
    let (client, mut pause) = (http_client(), interval(PAUSE));
    loop {
        pause.tick().await;
        let forged = client.post(format!("http://{http}/webhooks/corefy")).header("X-Signature", "0".repeat(64));
        let answer = forged.body(r#"{"event_type":"payment.succeeded","payment_id":"x"}"#).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        refused.fetch_add(1, Ordering::Relaxed);
    }
}

async fn guess_keys(client: Client, refused: Count) {
    let mut pause = interval(PAUSE);
    loop {
        pause.tick().await;
        let refusal = client.create_payment_intent(new_intent("50.00")).await.unwrap_err();
        assert!(matches!(refusal.code(), Code::Unauthenticated | Code::ResourceExhausted), "{refusal:?}");
        refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a request letter by letter, and never its end.
async fn drip(address: SocketAddr) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let mut pause = interval(PHASE / 10);
    for letter in b"GET / HTTP/1.1\r\nx: ".iter().cycle() {
        pause.tick().await;
        if stream.write_all(&[*letter]).await.is_err() {
            return;
        }
    }
}
