//! `completions`: what has a shell complete commands and flags.

use std::io::{self, Write as _};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::failure::CommandFailure;

/// The command.
#[derive(Args)]
pub(super) struct CompletionsCommand {
    /// The shell that reads it
    shell: Shell,
}

impl CompletionsCommand {
    /// Prints the completions of this command line.
    pub fn run(self, mut command: Command) -> Result<(), CommandFailure> {
        let name = command.get_name().to_owned();
        // To a buffer first: a pipe that closes early is a failure and no panic.
        let mut text = Vec::new();
        generate(self.shell, &mut command, name, &mut text);
        Ok(io::stdout().write_all(&text)?)
    }
}
