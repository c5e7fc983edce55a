//! Parses the command line and runs one command.

use std::process::ExitCode;

/// Buffers of a call are made on one thread and freed on another, which costs the system's own allocator more CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    corefy_gateway::cli::run()
}
