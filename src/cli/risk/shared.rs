//! The parts that the commands of risk share: the author of a change, and files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use clap::Args;

use crate::{
    app::risk::{Risk, rules::ApplyError},
    cli::{
        audited::{note, reason},
        database,
        failure::CommandFailure,
    },
    config::settings::AdminSettings,
    domain::{audit::Note, environment::Environment, risk::rule_set::MOST_FILE_BYTES},
};

/// The most rows that are listed at once.
pub(super) const MOST: u32 = 1000;

/// The reason for a change, and the settings.
#[derive(Args)]
pub(super) struct Change {
    /// Why, in 1 to 500 characters; nothing that identifies a payer
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    settings: AdminSettings,
}

impl Change {
    /// Opens the database, with the author of the change.
    pub(super) async fn open(self) -> Result<(Risk, Note), CommandFailure> {
        Ok((open(&self.settings).await?, note(self.reason)))
    }
}

/// Opens the database.
pub(super) async fn open(settings: &AdminSettings) -> Result<Risk, CommandFailure> {
    Ok(Risk::new(database::open(settings).await?, Environment::system()))
}

/// Reads a file, or standard input for `-`, of at most `most` bytes.
pub(super) fn read_text(path: &Path, most: usize) -> Result<String, CommandFailure> {
    let failed = |error: io::Error| CommandFailure::Failed(format!("{}: {error}", path.display()));
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
    let mut text = String::new();
    source.take(most as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > most {
        return Err(CommandFailure::Failed(format!("{}: must have at most {most} bytes", path.display())));
    }
    Ok(text)
}

/// Reads a file with rules, which is not longer than one may be.
pub(super) fn read_rules(path: &Path) -> Result<String, CommandFailure> {
    read_text(path, MOST_FILE_BYTES)
}

/// The faults of a file, one a line.
pub(super) fn faulty(file: &Path, error: ApplyError) -> CommandFailure {
    match error {
        ApplyError::Faults(faults) => {
            let lines: Vec<_> = faults.iter().map(|fault| format!("{}: {fault}", file.display())).collect();
            CommandFailure::Failed(lines.join("\n"))
        }
        ApplyError::Refused(error) => error.into(),
    }
}
