//! The findings of `doctor`, printed as they are made.

use owo_colors::OwoColorize as _;

/// Width of the column of what was checked.
const COLUMN: usize = 14;

/// The findings, printed as they are made.
#[derive(Default)]
pub(super) struct Findings {
    pub failures: u32,
    pub warnings: u32,
}

impl Findings {
    pub fn passed(&self, subject: &str, text: &str) {
        anstream::println!("{}  {subject:COLUMN$}  {text}", "ok  ".green());
    }

    /// Serving is possible, but something should be fixed.
    pub fn warn(&mut self, subject: &str, text: &str) {
        self.warnings += 1;
        anstream::println!("{}  {subject:COLUMN$}  {text}", "warn".yellow());
    }

    /// Serving is not possible, or not safe.
    pub fn fail(&mut self, subject: &str, text: &str) {
        self.failures += 1;
        anstream::println!("{}  {subject:COLUMN$}  {text}", "fail".red().bold());
    }
}
