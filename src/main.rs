//! Parses the command line and runs one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    corefy_gateway::cli::run()
}
