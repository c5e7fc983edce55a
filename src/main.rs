//! Parses the command line and runs one command.

use std::process::ExitCode;

/// The system's own allocator takes twice the time where buffers are made on one thread and freed on another, as in every call
/// here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    corefy_gateway::cli::run()
}
