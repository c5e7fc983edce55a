//! `man`: the manual pages of all commands.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::generate_to;

use super::failure::CommandFailure;

/// The command.
#[derive(Args)]
pub(super) struct ManCommand {
    /// The folder, which must exist; one page a command is written into it
    folder: PathBuf,
}

impl ManCommand {
    /// Writes the pages of this command line.
    pub fn run(self, command: Command) -> Result<(), CommandFailure> {
        // `help` would be a page for each command once more.
        generate_to(command.disable_help_subcommand(true), &self.folder)
            .map_err(|error| CommandFailure::Failed(format!("{}: {error}", self.folder.display())))
    }
}
