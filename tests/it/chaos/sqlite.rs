//! One gateway on SQLite that is killed, stopped and frozen, whose disk gets full, and whose Corefy fails.

use fastrand::Rng;
use tokio::time::sleep;

use super::{
    ChaosPlan, between,
    disk::SmallDisk,
    rounds::{self, Site},
    strikes::{can_put_clocks, freeze, kill, put_clock, take_corefy_down, terminate},
    world::World,
};
use crate::support::database::TestDatabase;

/// Rounds of a short run.
const FEW: usize = 10;
/// The cost of a round.
const COST: usize = 1;
/// The only gateway.
const GATEWAY: usize = 0;
/// The most bytes that are left of a disk that is full.
const LEFT: u64 = 128 << 10;

#[derive(Clone, Copy, Debug)]
enum SqliteBreakage {
    Kill,
    KillTwice,
    Terminate,
    Freeze,
    FullDisk,
    KillOnFullDisk,
    CorefyDown,
    PutClock,
}

/// The gateway, and the disk of its database.
struct SqliteSite {
    world: World,
    disk: SmallDisk,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_on_sqlite_moves_all_money_once_whatever_breaks() {
    rounds::run::<SqliteSite>("SQLite", ChaosPlan::new("SQLite", FEW, COST)).await;
}

impl Site for SqliteSite {
    type Breakage = SqliteBreakage;

    async fn start() -> Option<Self> {
        let disk = SmallDisk::new();
        let world = World::on(TestDatabase::in_directory(disk.path()), 1, disk.launcher()).await;
        Some(Self { world, disk })
    }

    fn breakages(is_long: bool) -> Vec<SqliteBreakage> {
        use SqliteBreakage::{CorefyDown, Freeze, FullDisk, Kill, KillOnFullDisk, KillTwice, PutClock, Terminate};
        let clock = (is_long && can_put_clocks()).then_some(PutClock);
        [Kill, KillTwice, Terminate, Freeze, FullDisk, KillOnFullDisk, CorefyDown].into_iter().chain(clock).collect()
    }

    async fn strike(&mut self, breakage: SqliteBreakage, plan: ChaosPlan, random: &mut Rng) {
        let world = &mut self.world;
        match breakage {
            SqliteBreakage::Kill => kill(world, random, GATEWAY).await,
            SqliteBreakage::KillTwice => {
                kill(world, random, GATEWAY).await;
                sleep(between(random, 0..100)).await;
                kill(world, random, GATEWAY).await;
            }
            SqliteBreakage::Terminate => terminate(world, GATEWAY).await,
            SqliteBreakage::Freeze => freeze(world, plan, GATEWAY).await,
            SqliteBreakage::FullDisk => self.fill_disk(random).await,
            SqliteBreakage::KillOnFullDisk => {
                self.disk.fill(&self.world.gateways[GATEWAY].program, random.u64(..LEFT));
                sleep(between(random, 0..500)).await;
                self.world.gateways[GATEWAY].program.kill().await;
                self.disk.free(&self.world.gateways[GATEWAY].program);
                self.world.replace(GATEWAY).await;
            }
            SqliteBreakage::CorefyDown => take_corefy_down(world, random).await,
            SqliteBreakage::PutClock => put_clock(world, random, GATEWAY).await,
        }
    }

    fn world(&self) -> &World {
        &self.world
    }
}

impl SqliteSite {
    async fn fill_disk(&self, random: &mut Rng) {
        let program = &self.world.gateways[GATEWAY].program;
        self.disk.fill(program, random.u64(..LEFT));
        sleep(between(random, 200..1500)).await;
        self.disk.free(program);
    }
}
