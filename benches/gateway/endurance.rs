//! Endurance: half of what a gateway manages, for as long as it is told to. Memory, open files and latency have to stay as they
//! were, although the database grows all the while.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::interval};
use tonic::Status;

use crate::{
    calls::{Caller, new_key},
    contender::Contender,
    load::{Round, all},
    measure::median,
};

/// Callers at one time.
const CALLERS: usize = 32;
/// How long the full load is measured, of which the half is taken.
const FULL_LOAD: Duration = Duration::from_secs(20);
/// The length of a period, of which each is a row of the report.
const PERIOD: Duration = Duration::from_secs(60);
/// The fewest periods of a quarter of the run: what is compared are quarters.
const FEWEST: u64 = 2;
/// The amount of a payment that is given back.
const PART: &str = "25.00";
/// How much more of each the last quarter may have than the second, in which caches are full: times, and beside them.
const MORE_MEMORY: (f64, f64) = (1.15, 8e6);
const MORE_FILES: (f64, f64) = (1.0, 16.0);
const MORE_LATENCY: (f64, f64) = (2.0, 0.005);

/// The measurements of a period.
struct Sample {
    round: Round,
    memory: f64,
    files: f64,
}

/// Works for `minutes`, prints a row for each, and fails when the last quarter is worse than the second.
pub async fn measure(contender: &Contender, minutes: u64) -> Result<(), Box<dyn Error>> {
    if minutes < 4 * FEWEST {
        return Err(format!("endurance takes {} minutes at least", 4 * FEWEST).into());
    }
    contender.sandbox.send_webhooks(true).await?;
    let full = run(contender, None, FULL_LOAD).await?.per_second;
    println!(
        "{}: {:.0} a second of {full:.0}: create + confirm + refund, webhooks beside them\n",
        contender.name,
        full / 2.0
    );
    println!("| minute | a second | p50 | p99 | memory | open files |\n|---:|---:|---:|---:|---:|---:|");
    let mut samples = Vec::new();
    for minute in 1..=minutes {
        // A sandbox keeps what it was asked for in memory, and refuses more when that is a million.
        contender.sandbox.forget().await?;
        let round = run(contender, Some(full / 2.0), PERIOD).await?;
        let process = &contender.processes[0];
        samples.push(Sample { round, memory: process.memory() as f64, files: process.open_files() as f64 });
        samples.last().into_iter().for_each(|sample| sample.print(minute));
    }
    println!();
    compare(&samples)
}

impl Sample {
    fn print(&self, minute: u64) {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {minute} | {:.0} | {:.1} ms | {:.1} ms | {:.1} MB | {} |",
            self.round.per_second,
            millis(self.round.p50),
            millis(self.round.p99),
            self.memory / 1e6,
            self.files
        );
    }
}

/// Has the callers work for `length`: as fast as they are answered, or so many times a second in all.
async fn run(contender: &Contender, per_second: Option<f64>, length: Duration) -> Result<Round, Status> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in (0..CALLERS).map(|number| contender.target.caller(number)) {
        let pause = per_second.map(|rate| Duration::from_secs_f64(CALLERS as f64 / rate));
        tasks.spawn(async move {
            match pause {
                Some(pause) => keep_pace(&caller, pause, began, length).await,
                None => keep_on(&caller, began, length).await,
            }
        });
    }
    let taken = all(tasks).await?.concat();
    Ok(Round::of(taken, began.elapsed()))
}

async fn keep_on(caller: &Caller, began: Instant, length: Duration) -> Result<Vec<Duration>, Status> {
    let mut taken = Vec::new();
    while began.elapsed() < length {
        let started = Instant::now();
        pay(caller).await?;
        taken.push(started.elapsed());
    }
    Ok(taken)
}

/// Each time counts from when it was due, so that a gateway which stalls is seen by all that it kept waiting.
async fn keep_pace(
    caller: &Caller,
    pause: Duration,
    began: Instant,
    length: Duration,
) -> Result<Vec<Duration>, Status> {
    let (mut taken, mut turns) = (Vec::new(), interval(pause));
    while began.elapsed() < length {
        let due = turns.tick().await;
        pay(caller).await?;
        taken.push(due.elapsed());
    }
    Ok(taken)
}

async fn pay(caller: &Caller) -> Result<(), Status> {
    let payment = caller.paid().await?;
    caller.refund(&payment, PART, &new_key()).await
}

/// Compares the medians of the last quarter with those of the second.
fn compare(samples: &[Sample]) -> Result<(), Box<dyn Error>> {
    let quarter = samples.len() / 4;
    let (then, now) = (&samples[quarter..2 * quarter], &samples[samples.len() - quarter..]);
    let mut worse = Vec::new();
    for (name, of, (times, beside)) in [
        ("memory", (|sample| sample.memory) as fn(&Sample) -> f64, MORE_MEMORY),
        ("open files", |sample| sample.files, MORE_FILES),
        ("p50", |sample| sample.round.p50.as_secs_f64(), MORE_LATENCY),
        ("p99", |sample| sample.round.p99.as_secs_f64(), MORE_LATENCY),
    ] {
        let (then, now) = (median(then.iter().map(of).collect()), median(now.iter().map(of).collect()));
        println!("{name}: {:.2} times the second quarter's in the last", now / then);
        if now > then * times + beside {
            worse.push(name);
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("not flat: {}", worse.join(", ")).into()) }
}
