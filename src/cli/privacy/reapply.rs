//! Erasures that are begun again after a restore.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use crate::{
    app::people::{People, Reapplied, ReappliedCounts},
    cli::failure::CommandFailure,
    domain::{audit::Note, erasure::past::PastErasure},
};

/// The longest line of a file of erasures, in bytes.
const LONGEST_LINE: u64 = 4096;

/// Begins the erasures of a file that the database lacks, and says how many came to what. Nothing is begun if a line is wrong.
pub(super) async fn run(people: &People, file: &Path, note: &Note) -> Result<(), CommandFailure> {
    let mut all = Erasures::open(file)?;
    while all.next()?.is_some() {}
    let (mut again, mut counts) = (Erasures::open(file)?, ReappliedCounts::default());
    while let Some(past) = again.next()? {
        let outcome = people.reapply(&past, note).await?;
        if let Reapplied::Waits(error) = &outcome {
            anstream::eprintln!("{}: {error}", past.id);
        }
        counts.add(&outcome);
    }
    people.note_reapplied(counts, note).await?;
    let ReappliedCounts { begun, known, absent, waiting } = counts;
    anstream::println!(
        "{begun} begun, {known} known already, {absent} of customers that are not here, {waiting} that must wait"
    );
    match waiting {
        0 => Ok(()),
        _ => Err(CommandFailure::Failed("some must wait until payments have ended: run this again then".to_owned())),
    }
}

/// The lines of a file, one in memory at a time.
struct Erasures {
    name: String,
    lines: BufReader<File>,
    number: u64,
}

impl Erasures {
    fn open(file: &Path) -> Result<Self, CommandFailure> {
        let name = file.display().to_string();
        let opened = File::open(file).map_err(|error| CommandFailure::Failed(format!("{name}: {error}")))?;
        Ok(Self { name, lines: BufReader::new(opened), number: 0 })
    }

    /// The next erasure; lines with nothing on them are passed over.
    fn next(&mut self) -> Result<Option<PastErasure>, CommandFailure> {
        loop {
            let mut line = String::new();
            if self.lines.by_ref().take(LONGEST_LINE).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if !line.trim().is_empty() {
                let wrong = |why| CommandFailure::Failed(format!("{} line {}: {why}", self.name, self.number));
                return PastErasure::read(&line).map(Some).map_err(wrong);
            }
        }
    }
}
