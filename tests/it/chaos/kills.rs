//! Gateways that are killed at any moment, or frozen for longer than their leases, while webhooks get lost.

use std::time::Duration;

use corefy_gateway::sandbox::faults::WebhookSwitches;
use fastrand::Rng;
use tokio::time::sleep;

use super::{
    ChaosPlan, between,
    judge::{assert_serves, assert_truth},
    load::Load,
    world::World,
};
use crate::support::database::Backend;

/// Payers at a time.
const PAYERS: usize = 6;
/// Kills of a short run, on each database.
const FEW: usize = 6;
/// The cost of a round, in kills.
const COST: usize = 1;
/// Every how many rounds a gateway is frozen instead, where others can go on.
const FREEZE_EVERY: usize = 5;
/// How long it is frozen: past every lease, which a short run ends by hand.
const FROZEN: Duration = Duration::from_secs(40);
const FROZEN_BRIEFLY: Duration = Duration::from_secs(2);
/// How late Corefy answers what it has done at once: most kills find a call under way.
const ANSWER_DELAY_MS: u64 = 30;

/// Approved, declined, and charged or not behind an answer that says nothing.
const CARDS: [&str; 8] = [
    "4111111111111111",
    "4111111111111111",
    "4111111111111111",
    "4000000000009995",
    "4000000000004442",
    "4000000000004996",
    "4000000000005019",
    "4000000000005001",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_on_sqlite_that_is_killed_again_and_again_moves_all_money_once() {
    kill_again_and_again(Backend::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_on_postgres_that_are_killed_and_frozen_move_all_money_once() {
    kill_again_and_again(Backend::Postgres, 3).await;
}

async fn kill_again_and_again(backend: Backend, gateways: usize) {
    let plan = ChaosPlan::new(&format!("kills on {backend:?}"), FEW, COST);
    let Some(mut world) = World::start(backend, gateways).await else { return };
    let webhooks = WebhookSwitches { extra_copies: 1, shuffle: true, loss_percent: 30, ..Default::default() };
    world.sandbox.faults().set(|switches| {
        switches.answer_delay_ms = ANSWER_DELAY_MS;
        switches.webhooks = webhooks;
    });
    let mut random = Rng::with_seed(plan.seed);
    let load = Load::start(&world.doors, PAYERS, &mut random, &CARDS);
    for round in 1..=plan.rounds {
        sleep(between(&mut random, 100..800)).await;
        let victim = random.usize(..gateways);
        if gateways > 1 && round % FREEZE_EVERY == 0 {
            freeze(&world, plan, victim).await;
        } else {
            kill(&mut world, &mut random, victim).await;
        }
    }
    let report = load.stop().await;
    let settling = assert_truth(&world, plan, &report).await;
    assert_serves(&world).await;
    println!(
        "kills on {backend:?}: {} rounds, {} payments, {} refunds, {} tries repeated, all known after {settling:?}",
        plan.rounds,
        report.payments.len(),
        report.refund_keys,
        report.failures.len(),
    );
}

async fn kill(world: &mut World, random: &mut Rng, victim: usize) {
    world.gateways[victim].program.kill().await;
    world.end_leases().await;
    sleep(between(random, 0..300)).await;
    world.replace(victim).await;
}

async fn freeze(world: &World, plan: ChaosPlan, victim: usize) {
    let program = &world.gateways[victim].program;
    program.freeze();
    if plan.is_long {
        sleep(FROZEN).await;
    } else {
        world.end_leases().await;
        sleep(FROZEN_BRIEFLY).await;
    }
    program.thaw();
}
