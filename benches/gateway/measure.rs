//! Rounds: each contender in turn does the same work for the same time, again and again, so that what disturbs the
//! machine disturbs all of them.

use std::{error::Error, process::id, time::Duration};

use crate::{
    contender::Contender,
    load::Round,
    outage,
    process::{cpu_of, cpu_of_all},
    work::Work,
};

/// Callers at one time.
const LOADS: [usize; 3] = [1, 16, 64];

/// The work to measure, and its duration.
pub struct Plan {
    /// Each kind of work, with how many do it at one time.
    pub cells: Vec<(Work, usize)>,
    rounds: usize,
    length: Duration,
}

impl Plan {
    /// Each of `works` under every load, or only under the one that is named; `rounds` of `length` each.
    pub fn new(works: &[Work], callers: Option<usize>, rounds: usize, length: Duration) -> Self {
        let loads = callers.map_or(LOADS.to_vec(), |only| vec![only]);
        let cells = works.iter().flat_map(|work| loads.iter().map(|load| (*work, *load))).collect();
        Self { cells, rounds, length }
    }

    /// The same without what leaves the sandbox empty.
    pub fn without_outages(mut self) -> Self {
        self.cells.retain(|(work, _)| *work != Work::Outage);
        self
    }

    /// The duration of a round.
    pub fn length(&self) -> Duration {
        self.length
    }
}

/// The results of one contender with one work and one load, as medians of the rounds.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Pieces of work a second.
    pub per_second: f64,
    /// The same, as a part of what the first contender did in the same round.
    pub ratio: f64,
    /// Median time of one.
    pub p50: Duration,
    /// Time that one in a hundred exceeded.
    pub p99: Duration,
    /// CPU of the process for one.
    pub cpu: Duration,
    /// CPU of PostgreSQL for one.
    pub database_cpu: Duration,
    /// CPU of the caller for one.
    pub load_cpu: Duration,
    /// How long after an outage the first call was served; zero where there was none.
    pub served_after: Duration,
}

/// One round of one contender.
struct Turn {
    round: Round,
    cpu: Duration,
    database_cpu: Duration,
    load_cpu: Duration,
    served_after: Duration,
}

/// Measures all contenders, in the order of the plan, then of the contenders.
pub async fn measure(contenders: &mut [Contender], plan: &Plan) -> Result<Vec<Vec<Cell>>, Box<dyn Error>> {
    let mut cells = Vec::new();
    for (work, callers) in &plan.cells {
        anstream::eprint!("{}, {callers} in flight \r", work.name());
        let mut turns: Vec<Vec<Turn>> = Vec::new();
        for _ in 0..plan.rounds {
            let mut round = Vec::new();
            for contender in contenders.iter_mut() {
                round.push(take_turn(contender, *work, *callers, plan.length).await?);
            }
            turns.push(round);
        }
        cells.push((0..contenders.len()).map(|place| cell(&turns, place)).collect());
    }
    Ok(cells)
}

async fn take_turn(
    contender: &mut Contender,
    work: Work,
    callers: usize,
    length: Duration,
) -> Result<Turn, Box<dyn Error>> {
    contender.sandbox.send_webhooks(work == Work::CreateConfirmAndWebhook).await?;
    if work == Work::Outage {
        contender.sandbox.go_away().await;
    }
    let mut turn = work_once(contender, work, callers, length).await?;
    if work == Work::Outage {
        contender.sandbox.come_back().await?;
        turn.served_after = outage::repeat(contender, &turn.round.refused).await?;
    }
    Ok(turn)
}

async fn work_once(
    contender: &Contender,
    work: Work,
    callers: usize,
    length: Duration,
) -> Result<Turn, Box<dyn Error>> {
    let prepared = contender.target.prepare(work, callers).await?;
    let database_cpu = || if contender.is_on_postgres() { cpu_of_all("postgres") } else { Duration::ZERO };
    let (cpu_before, database_before, load_before) = (contender.cpu(), database_cpu(), cpu_of(id()));
    let round = contender.target.run(work, prepared, length).await?;
    let each = |spent: Duration| spent.div_f64(round.count as f64);
    let cpu = each(contender.cpu().saturating_sub(cpu_before));
    let database_cpu = each(database_cpu().saturating_sub(database_before));
    let load_cpu = each(cpu_of(id()).saturating_sub(load_before));
    Ok(Turn { round, cpu, database_cpu, load_cpu, served_after: Duration::ZERO })
}

fn cell(turns: &[Vec<Turn>], place: usize) -> Cell {
    let of = |read: &dyn Fn(&Turn) -> f64| median(turns.iter().map(|round| read(&round[place])).collect());
    let time = |read: &dyn Fn(&Turn) -> Duration| Duration::from_secs_f64(of(&|turn| read(turn).as_secs_f64()));
    let ratio = |round: &Vec<Turn>| round[place].round.per_second / round[0].round.per_second;
    Cell {
        per_second: of(&|turn| turn.round.per_second),
        ratio: median(turns.iter().map(ratio).collect()),
        p50: time(&|turn| turn.round.p50),
        p99: time(&|turn| turn.round.p99),
        cpu: time(&|turn| turn.cpu),
        database_cpu: time(&|turn| turn.database_cpu),
        load_cpu: time(&|turn| turn.load_cpu),
        served_after: time(&|turn| turn.served_after),
    }
}

/// The middle one, in whatever order they come.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
