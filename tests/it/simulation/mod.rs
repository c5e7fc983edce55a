//! A whole gateway and its Corefy in one thread, by a clock that stands while anybody works, and by chance that begins at a
//! seed: the same seed gives the same run, to the byte.

mod network;
mod steps;
mod world;

use std::sync::mpsc;

use tokio::{runtime::Builder, task::spawn_blocking};

use world::{Outcome, World};

/// Rounds of a run; in each, several callers act at the same time.
const ROUNDS: usize = 25;

/// Runs the simulation of this seed to its end.
fn run(seed: u64) -> Outcome {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // The clock would go on by itself while the database is opened, which is not in lock step.
        let (opened, opening) = mpsc::channel::<()>();
        let standstill = spawn_blocking(move || opening.recv());
        let mut world = World::new(seed).await;
        drop(opened);
        let _ = standstill.await;
        for _ in 0..ROUNDS {
            world.round().await;
        }
        world.calm_down().await;
        world.assert_books_agree().await;
        world.outcome().await
    })
}

/// The first place at which two lists differ, so that a failure shows one line and not thousands.
fn assert_same(kind: &str, one: &[String], other: &[String]) {
    let place = one.iter().zip(other).position(|(one, other)| one != other);
    assert!(place.is_none(), "{kind} {}:\n{}\n{}", place.unwrap(), one[place.unwrap()], other[place.unwrap()]);
    assert_eq!(one.len(), other.len(), "{kind}");
}

#[test]
fn a_seed_repeats_its_run_and_another_seed_has_another() {
    let (one, same, another) = (run(7), run(7), run(8));
    assert_same("request", &one.requests, &same.requests);
    assert_same("answer", &one.answers, &same.answers);
    assert_same("event", &one.events, &same.events);
    assert_ne!(one.requests, another.requests);
    assert_ne!(one.events, another.events);
    assert!(one.requests.len() > ROUNDS && one.events.len() > ROUNDS, "too little happened to prove anything");
}
