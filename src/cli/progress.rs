//! The progress of a command that goes through a range of time: a bar on a terminal, a line now and then elsewhere. Nothing is
//! counted beforehand: the place in the range says how much is done.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::domain::clock::Timestamp;

/// How often there is a line where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The parts of the bar.
const STEPS: u32 = 10_000;
/// The form of the bar.
const TEMPLATE: &str = "{wide_bar} {percent:>3} %  {msg}  {eta} left";

/// How far a command is.
pub(super) struct Progress {
    shown: Shown,
    begun: Instant,
    /// Rows that were there when this run began.
    rows_before: u64,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { next: Instant },
}

impl Progress {
    /// Of a command that goes on after `rows_before` rows of an earlier run.
    pub(super) fn new(rows_before: u64, is_quiet: bool) -> Self {
        let begun = Instant::now();
        let shown = match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(bar()),
            (false, false) => Shown::Lines { next: begun + LINE_EVERY },
        };
        Self { shown, begun, rows_before }
    }

    /// Shows that `share` of the whole is done, of 0 to 1, and `rows` rows.
    pub(super) fn advance(&mut self, share: f64, rows: u64) {
        let now = Instant::now();
        let rate = Rate { rows, new: rows.saturating_sub(self.rows_before), took: now - self.begun };
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_message(rate.words());
                bar.set_position(steps(share));
            }
            Shown::Lines { next } if now >= *next => {
                *next = now + LINE_EVERY;
                anstream::eprintln!("{:>3} %  {}", steps(share) * 100 / u64::from(STEPS), rate.words());
            }
            Shown::Lines { .. } => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

/// The share of a range of time that lies before `at`.
pub(super) fn share_of_time((from, to): (Timestamp, Timestamp), at: Timestamp) -> f64 {
    let (whole, done) = (to.since(from), at.since(from));
    if whole.is_zero() { 1.0 } else { (done.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0) }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(STEPS.into());
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and STEPS")]
fn steps(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * f64::from(STEPS)) as u64
}

/// Rows, and how fast they came.
struct Rate {
    rows: u64,
    /// The rows of this run.
    new: u64,
    took: Duration,
}

impl Rate {
    fn words(&self) -> String {
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.new.saturating_mul(1000) / millis;
        format!("{} rows, {rate} rows/s", self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_a_range_of_time_says_how_much_is_done() {
        let share = |at| share_of_time((Timestamp(100), Timestamp(300)), Timestamp(at));
        assert_eq!([50, 100, 150, 300, 400].map(|at| steps(share(at))), [0, 0, 2_500, 10_000, 10_000]);
        assert_eq!(steps(share_of_time((Timestamp(100), Timestamp(100)), Timestamp(100))), 10_000);
    }

    #[test]
    fn the_rate_is_that_of_this_run_alone() {
        let rate = Rate { rows: 1500, new: 500, took: Duration::from_secs(2) };
        assert_eq!(rate.words(), "1500 rows, 250 rows/s");
    }

    #[test]
    fn the_bar_s_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
