//! The cost of one durable flush on this machine: no gateway that keeps its word answers sooner.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use crate::measure::median;

/// How many are timed.
const FLUSHES: usize = 200;
/// The bytes that each of them writes: a page.
const WRITTEN: usize = 4096;

/// The median time of appending a page to a file in `dir` and making it durable.
pub fn median_of(dir: &Path) -> io::Result<Duration> {
    let mut file = File::create(dir.join("flush"))?;
    let mut taken = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let started = Instant::now();
        file.write_all(&[7; WRITTEN])?;
        file.sync_data()?;
        taken.push(started.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(taken)))
}
