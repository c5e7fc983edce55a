//! Three gateways that are restarted one after the other, as a deployment does, while callers go on calling.

use std::{error::Error, iter::successors};

use fastrand::Rng;
use tokio::time::sleep;
use tonic::{Code, Status};

use super::{
    ChaosPlan, between,
    judge::{assert_serves, assert_truth},
    load::{Load, LoadPlan},
    world::World,
};
use crate::support::{client::reason, database::Backend};

const GATEWAYS: usize = 3;
const PAYERS: usize = 6;
/// Restarts of all gateways in a short run.
const FEW: usize = 1;
/// The cost of a round, in kills.
const COST: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_call() {
    let plan = ChaosPlan::new("rolling restarts", FEW, COST);
    let Some(mut world) = World::start(Backend::Postgres, GATEWAYS).await else { return };
    let mut random = Rng::with_seed(plan.seed);
    let load = Load::start(&world, &mut random, LoadPlan::steady(PAYERS));
    for _ in 0..plan.rounds {
        for place in 0..GATEWAYS {
            sleep(between(&mut random, 200..600)).await;
            let program = &mut world.gateways[place].program;
            program.terminate();
            assert_eq!(program.exit_code().await, Some(0), "{}", program.said());
            world.replace(place).await;
        }
    }
    let report = load.stop(&world).await;
    for failure in &report.failures {
        assert!(nothing_was_sent(failure), "a call was lost: {failure:?}");
    }
    let refused = report.failures.iter().filter(|failure| !reason(failure).is_empty()).count();
    let verdict = assert_truth(&world, plan, report).await;
    assert_serves(&world).await;
    println!(
        "rolling restarts: {} rounds, {} payments, {} refunds, {refused} tries refused by a gateway that drains, {} by a \
         closed port",
        plan.rounds,
        verdict.payments,
        verdict.refunds,
        verdict.repeated - refused,
    );
}

/// Whether a failure says that nothing was sent: by the gateway's own word, or because the call found no connection, or one
/// that was being closed.
fn nothing_was_sent(failure: &Status) -> bool {
    if failure.code() == Code::Unavailable && !reason(failure).is_empty() {
        return true;
    }
    let first: Option<&dyn Error> = failure.source();
    let mut causes = successors(first, |&error| error.source());
    // hyper's words: it gives the request back, or never took it.
    let words = ["Connection refused", "connection closed", "connection was not ready"];
    causes.any(|cause| words.iter().any(|word| cause.to_string().contains(word)))
}
