//! One round after the other: payers at work, something that breaks under them, calm, and the judge.

use std::{
    collections::BTreeMap,
    env,
    fmt::{self, Debug, Display},
    time::Instant,
};

use fastrand::Rng;
use tokio::time::sleep;

use super::{
    ChaosPlan, between, corefy,
    judge::{Judge, Verdict, assert_serves},
    load::{Load, LoadPlan},
    operator::BusyOperator,
    world::World,
};

/// Payers at a time, the cards they pay with, and their rest.
const PAYERS: LoadPlan = LoadPlan { payers: 6, cards: &CARDS, rest: 150, has_faults: true };
/// Names the only breakages of a run, separated by commas.
const ONLY: &str = "CHAOS_ONLY";
/// Rounds on one database, so that copying it for a standby stays quick.
const ROUNDS_OF_A_WORLD: usize = 100;

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

/// Gateways on a database, and the ways in which they break.
pub trait Site: Sized {
    type Breakage: Copy + Debug;

    /// Starts it. `None`: the machine lacks something, which is said aloud.
    async fn start() -> Option<Self>;
    /// The ways to break it: each is chosen once before any is chosen again.
    fn breakages(is_long: bool) -> Vec<Self::Breakage>;
    /// Breaks it, and mends it.
    async fn strike(&mut self, breakage: Self::Breakage, plan: ChaosPlan, random: &mut Rng);
    fn world(&self) -> &World;
}

/// The figures of a run.
#[derive(Debug)]
struct Summary {
    begun: Instant,
    rounds: usize,
    breakages: BTreeMap<String, usize>,
    decisions: usize,
    verdict: Verdict,
}

/// Whether the environment names this breakage, or none.
fn is_asked_for(breakage: &str) -> bool {
    env::var(ONLY).map_or(true, |names| names.split(',').any(|name| name == breakage))
}

/// Runs the rounds of the plan, and prints their figures.
pub async fn run<S: Site>(what: &str, plan: ChaosPlan) {
    let (mut random, mut summary) = (Rng::with_seed(plan.seed), Summary::new());
    while summary.rounds < plan.rounds && !plan.is_over() {
        let Some(site) = S::start().await else { return };
        let rounds = ROUNDS_OF_A_WORLD.min(plan.rounds - summary.rounds);
        run_in_one_world(site, (plan, rounds), &mut random, &mut summary).await;
    }
    println!("{what}: {summary}");
}

async fn run_in_one_world<S: Site>(
    mut site: S,
    (plan, rounds): (ChaosPlan, usize),
    random: &mut Rng,
    summary: &mut Summary,
) {
    let (mut judge, mut breakages) = (Judge::default(), Vec::new());
    corefy::stir(&site.world().sandbox);
    for _ in 0..rounds {
        if plan.is_over() {
            break;
        }
        if breakages.is_empty() {
            breakages = S::breakages(plan.is_long);
            breakages.retain(|breakage| is_asked_for(&format!("{breakage:?}")));
            random.shuffle(&mut breakages);
        }
        let breakage = breakages.pop().unwrap_or_else(|| panic!("{ONLY} names no breakage of these"));
        summary.begin(breakage);
        let operator = BusyOperator::start(site.world(), random);
        let load = Load::start(site.world(), random, PAYERS);
        sleep(between(random, 100..500)).await;
        site.strike(breakage, plan, random).await;
        sleep(between(random, 50..300)).await;
        let report = load.stop(site.world()).await;
        summary.decisions += operator.stop().await;
        site.world().wait_until_ready().await;
        judge.look(site.world(), report).await;
    }
    summary.add(judge.finish(site.world(), plan).await);
    assert_serves(site.world()).await;
}

impl Summary {
    fn new() -> Self {
        let (breakages, verdict) = (BTreeMap::new(), Verdict::default());
        Self { begun: Instant::now(), rounds: 0, breakages, decisions: 0, verdict }
    }

    /// Counts a round, and says which it is: the output of a failed test ends with it.
    fn begin(&mut self, breakage: impl Debug) {
        self.rounds += 1;
        println!("round {}: {breakage:?}, after {:?}", self.rounds, self.begun.elapsed());
        *self.breakages.entry(format!("{breakage:?}")).or_default() += 1;
    }

    fn add(&mut self, verdict: Verdict) {
        let all = &mut self.verdict;
        all.payments += verdict.payments;
        all.refunds += verdict.refunds;
        all.charged += verdict.charged;
        all.refunded += verdict.refunded;
        all.tries += verdict.tries;
        all.repeated += verdict.repeated;
        all.worst = all.worst.max(verdict.worst);
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, rounds, breakages, decisions, verdict } = self;
        let (seconds, worst) = (begun.elapsed().as_secs(), verdict.worst.as_secs_f64());
        write!(
            f,
            "{rounds} rounds ({breakages:?}), {} calls of which {} were repeated, {} payments with {} minor units charged, \
             {} refunds with {} given back, {decisions} decisions; all as the ledger has it; the truth was known after \
             {worst:.1} s at most; {seconds} s in all",
            verdict.tries, verdict.repeated, verdict.payments, verdict.charged, verdict.refunds, verdict.refunded,
        )
    }
}
