//! Tables and lists of values for the terminal: aligned, the heading in bold, and nothing in them that could steer it.

use anstream::println;
use owo_colors::OwoColorize as _;

use crate::domain::clock::Timestamp;

/// Rows below a heading.
pub(super) struct Table<const COLUMNS: usize> {
    heading: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// With nothing but its heading.
    pub fn new(heading: [&'static str; COLUMNS]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| plain(&cell)));
    }

    /// Prints it.
    pub fn print(&self) {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.heading[column].len()]).max().unwrap_or_default()
        });
        println!("{}", line(&self.heading.map(str::to_owned), &widths).bold());
        for row in &self.rows {
            println!("{}", line(row, &widths));
        }
    }
}

/// One row; the last column ends where its text ends.
fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}

/// Prints values below each other, each behind its name.
pub(super) fn print_values<N: AsRef<str>>(values: &[(N, String)]) {
    let width = values.iter().map(|(name, _)| name.as_ref().len()).max().unwrap_or_default();
    for (name, value) in values {
        println!("{}  {}", format!("{:width$}", name.as_ref()).dimmed(), plain(value));
    }
}

/// The text without what could steer a terminal: some of it was written by others.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '·' } else { letter }).collect()
}

/// A time as people read it.
pub(super) fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_seconds(time.seconds()).to_string()
}

/// The same of a time that may not have come.
pub(super) fn or_dash(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), to_the_second)
}

/// A time as a table shows it, to the millisecond.
pub(super) fn moment(time: Timestamp) -> String {
    Timestamp(time.0.div_euclid(1000) * 1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(line(&["a".to_owned(), "bc".to_owned(), String::new()], &[3, 2, 9]), "a    bc");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a·[2Jb·c");
    }
}
