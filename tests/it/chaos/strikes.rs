//! The ways in which a gateway breaks on either database, and Corefy beside it.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::{ChaosPlan, between, clock::FalseClock, corefy, world::World};

/// How long a gateway is frozen: past every lease, which a short run ends by hand.
const FROZEN: Duration = Duration::from_secs(7);
const FROZEN_BRIEFLY: Duration = Duration::from_secs(1);
/// The most seconds by which a clock is put: with more, Corefy refuses all calls.
const CLOCK_JUMP: i64 = 240;
/// How long it stays so: the library looks once a second.
const JUMPED: Duration = Duration::from_secs(3);

/// Kills the gateway, and starts another.
pub async fn kill(world: &mut World, random: &mut Rng, victim: usize) {
    world.gateways[victim].program.kill().await;
    end_leases(world).await;
    sleep(between(random, 0..300)).await;
    world.replace(victim).await;
}

/// Stops the gateway as a deployment does, and starts another.
pub async fn terminate(world: &mut World, victim: usize) {
    let program = &mut world.gateways[victim].program;
    program.terminate();
    assert_eq!(program.exit_code().await, Some(0), "{}", program.said());
    world.replace(victim).await;
}

/// Stops the gateway where it is, and has it go on when others have taken over its work.
pub async fn freeze(world: &World, plan: ChaosPlan, victim: usize) {
    let program = &world.gateways[victim].program;
    program.freeze();
    if plan.is_long {
        sleep(FROZEN).await;
    } else {
        end_leases(world).await;
        sleep(FROZEN_BRIEFLY).await;
    }
    program.thaw();
}

/// Has Corefy refuse to work for a while.
pub async fn take_corefy_down(world: &World, random: &mut Rng) {
    corefy::go_down(&world.sandbox);
    sleep(between(random, 500..1500)).await;
    corefy::calm(&world.sandbox);
    corefy::stir(&world.sandbox);
}

/// Starts the gateway again with a clock that is put forward or back, and put right again.
pub async fn put_clock(world: &mut World, random: &mut Rng, victim: usize) {
    let clock = FalseClock::new().expect("libfaketime is installed, or clocks are not put");
    let variables = clock.variables();
    let settings = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    world.gateways[victim].program.kill().await;
    world.replace_by(victim, &settings).await;
    sleep(between(random, 300..900)).await;
    clock.put_by(random.i64(-CLOCK_JUMP..=CLOCK_JUMP));
    sleep(JUMPED).await;
    clock.put_by(0);
    sleep(JUMPED).await;
    world.gateways[victim].program.kill().await;
    world.replace(victim).await;
}

/// Whether clocks can be put here. Says so where they cannot.
pub fn can_put_clocks() -> bool {
    let can = FalseClock::new().is_some();
    if !can {
        println!("libfaketime is not installed: no clock is put here, only in the simulation");
    }
    can
}

/// Has others take over at once, where the database is there to be told so.
async fn end_leases(world: &World) {
    const END: &str = "UPDATE operations SET lease_until = 1, next_check_at = 1 WHERE state = 'sent' RETURNING id";
    world.database.texts(END).await.ok();
}
