//! Three gateways on PostgreSQL that are killed, stopped and frozen, while its servers stop, crash and fail over.

use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;
use tokio::time::sleep;

use super::{
    ChaosPlan, between,
    cluster::Cluster,
    postgres_server::PostgresServer,
    rounds::{self, Site},
    strikes::{can_put_clocks, freeze, kill, put_clock, take_corefy_down, terminate},
    world::World,
};
use crate::support::proxy::Cut;

const GATEWAYS: usize = 3;
/// Rounds of a short run: each breakage once.
const FEW: usize = 10;
/// The cost of a round.
const COST: usize = 1;
/// Connections that are cut in a round, one after the other.
const CUTS: usize = 6;
/// How long the standby says nothing: commits wait for it longer than the gateways do.
const HUNG: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum PostgresBreakage {
    Kill,
    Terminate,
    Freeze,
    StopDatabase,
    KillBackend,
    CutCommits,
    FailOver,
    KillAndFailOver,
    HangStandby,
    CorefyDown,
    PutClock,
}

/// The gateways, and the servers behind one address.
struct PostgresSite {
    world: World,
    cluster: Cluster,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_on_postgres_move_all_money_once_whatever_breaks() {
    rounds::run::<PostgresSite>("PostgreSQL", ChaosPlan::new("PostgreSQL", FEW, COST)).await;
}

impl Site for PostgresSite {
    type Breakage = PostgresBreakage;

    async fn start() -> Option<Self> {
        let cluster = Cluster::start().await?;
        let world = World::on(cluster.database(), GATEWAYS, &[]).await;
        Some(Self { world, cluster })
    }

    fn breakages(is_long: bool) -> Vec<PostgresBreakage> {
        use PostgresBreakage::{
            CorefyDown, CutCommits, FailOver, Freeze, HangStandby, Kill, KillAndFailOver, KillBackend, PutClock,
            StopDatabase, Terminate,
        };
        let clock = (is_long && can_put_clocks()).then_some(PutClock);
        let gateways = [Kill, Terminate, Freeze, CorefyDown];
        let databases = [StopDatabase, KillBackend, CutCommits, FailOver, KillAndFailOver, HangStandby];
        gateways.into_iter().chain(databases).chain(clock).collect()
    }

    async fn strike(&mut self, breakage: PostgresBreakage, plan: ChaosPlan, random: &mut Rng) {
        let (world, cluster, victim) = (&mut self.world, &mut self.cluster, random.usize(..GATEWAYS));
        match breakage {
            PostgresBreakage::Kill => kill(world, random, victim).await,
            PostgresBreakage::Terminate => terminate(world, victim).await,
            PostgresBreakage::Freeze => freeze(world, plan, victim).await,
            PostgresBreakage::StopDatabase => stop_database(cluster, random).await,
            PostgresBreakage::KillBackend => kill_backend(cluster, random).await,
            PostgresBreakage::CutCommits => cut_commits(cluster, random).await,
            PostgresBreakage::FailOver => cluster.fail_over(random).await,
            PostgresBreakage::KillAndFailOver => {
                world.gateways[victim].program.kill().await;
                cluster.fail_over(random).await;
                world.replace(victim).await;
            }
            PostgresBreakage::HangStandby => cluster.hang_standby(HUNG).await,
            PostgresBreakage::CorefyDown => take_corefy_down(world, random).await,
            PostgresBreakage::PutClock => put_clock(world, random, victim).await,
        }
        if matches!(breakage, PostgresBreakage::FailOver | PostgresBreakage::KillAndFailOver) {
            cluster.complete().await;
        }
        cluster.wait_until_in_sync().await;
    }

    fn world(&self) -> &World {
        &self.world
    }
}

/// Stops the primary, as an operator or as a crash does, and starts it again.
async fn stop_database(cluster: &mut Cluster, random: &mut Rng) {
    let signal = if random.bool() { Signal::INT } else { Signal::QUIT };
    cluster.primary.stop(signal).await;
    sleep(between(random, 0..2000)).await;
    cluster.primary.start().await;
}

/// Kills one of the processes that serve the gateways: the server then ends all of them and recovers.
async fn kill_backend(cluster: &Cluster, random: &mut Rng) {
    if let Some(backend) = random.choice(cluster.primary.backends().await) {
        PostgresServer::signal(backend, Signal::KILL);
    }
    cluster.primary.wait_until_it_answers().await;
}

/// Cuts connections at their commits: before the database has them, while it is at them, and before it can answer.
async fn cut_commits(cluster: &Cluster, random: &mut Rng) {
    const WAYS: [Cut; 5] =
        [Cut::BeforeStatement, Cut::AfterStatement, Cut::DuringStatement, Cut::SilentBefore, Cut::SilentAfter];
    let cuts = (0..CUTS).map(|_| random.choice(WAYS).unwrap()).collect::<Vec<_>>();
    cluster.proxy.cut(random.u32(..5), cuts);
    sleep(between(random, 800..1500)).await;
    cluster.proxy.come_up();
}
