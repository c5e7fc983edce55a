//! The printed report: tables in Markdown, as they stand in `docs/performance.md`.

use std::time::Duration;

use crate::{
    contender::Contender,
    measure::{Cell, Plan},
    work::Work,
};

/// A description of the machine.
pub fn setting(flush: Duration) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores; a durable flush of 4 KiB takes {} (median)\n", millis(flush));
}

/// Every contender beside the first.
pub fn compared(plan: &Plan, contenders: &[Contender], cells: &[Vec<Cell>]) {
    let first = contenders.first().map_or("", |contender| contender.name.trim_end_matches(" proxy"));
    println!(
        "| work | in flight | on | a second | ÷ {first} | p50 | p99 | added p50 | CPU each | of PostgreSQL | of the load |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (row, (work, callers)) in plan.cells.iter().enumerate() {
        for (place, contender) in contenders.iter().enumerate() {
            let (cell, bare) = (&cells[row][place], &cells[row][0]);
            println!(
                "| {} | {callers} | {} | {:.0} | {:.2} | {} | {} | {} | {} | {} | {} |",
                work.name(),
                contender.name,
                cell.per_second,
                cell.ratio,
                millis(cell.p50),
                millis(cell.p99),
                if place == 0 { "".to_owned() } else { added(cell.p50, bare.p50) },
                micros(cell.cpu),
                if contender.is_on_postgres() { micros(cell.database_cpu) } else { String::new() },
                micros(cell.load_cpu),
            );
        }
    }
    println!();
}

/// How soon after an outage calls are served again. Nothing was lost or done twice in any: the benchmark fails otherwise.
pub fn after_outages(plan: &Plan, contenders: &[Contender], cells: &[Vec<Cell>]) {
    let outages = plan.cells.iter().zip(cells).filter(|((work, _), _)| *work == Work::Outage);
    let mut rows = outages.flat_map(|((_, callers), row)| {
        contenders.iter().zip(row).map(move |(contender, cell)| (callers, &contender.name, cell.served_after))
    });
    let Some(first) = rows.next() else { return };
    println!("| outage under | on | served again after |\n|---|---|---|");
    for (callers, name, after) in std::iter::once(first).chain(rows) {
        println!("| {callers} in flight | {name} | {} |", millis(after));
    }
    println!();
}

/// The bytes of write-ahead log that each contender with a database wrote for a creation, by the load.
pub fn logs(rows: &[(usize, String, f64)]) {
    println!("| in flight | on | log of a creation |\n|---|---|---|");
    for (callers, name, bytes) in rows {
        println!("| {callers} | {name} | {:.1} KiB |", bytes / 1024.0);
    }
    println!();
}

/// How long each process took to listen, and the most memory it had.
pub fn processes(contenders: &[Contender]) {
    println!("| process | listens after | peak memory |\n|---|---|---|");
    for contender in contenders {
        for process in &contender.processes {
            let (name, memory) = (&contender.name, process.peak_memory() as f64 / 1e6);
            println!("| {name} | {} | {memory:.0} MB |", millis(process.start_up));
        }
    }
    println!();
}

/// The same work on a database that has grown, beside what it was on an empty one: both as multiples of the bare proxy's time
/// in the same part of the run, for the machine may have changed between the two.
pub fn grown(plan: &Plan, rows: u32, contenders: &[Contender], empty: &[Vec<Cell>], full: &[Vec<Cell>]) {
    println!("| work | in flight | on | p50 ÷ bare, empty | p50 ÷ bare, {rows} intents | ÷ empty |");
    println!("|---|---|---|---|---|---|");
    for (row, (work, callers)) in plan.cells.iter().enumerate() {
        for (place, contender) in contenders.iter().enumerate().skip(1) {
            let multiple = |cells: &[Cell]| cells[place].p50.as_secs_f64() / cells[0].p50.as_secs_f64();
            let (before, after) = (multiple(&empty[row]), multiple(&full[row]));
            let (work, name, ratio) = (work.name(), &contender.name, after / before);
            println!("| {work} | {callers} | {name} | {before:.2} | {after:.2} | {ratio:.2} |");
        }
    }
    println!();
    processes(contenders);
}

fn added(with: Duration, bare: Duration) -> String {
    format!("{:+.2} ms", (with.as_secs_f64() - bare.as_secs_f64()) * 1e3)
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}
