//! Parses the command line and runs one command.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: cards pass through buffers of libraries, which do not wipe them. Buffers of a call are made on one
/// thread and freed on another, which costs the system's own allocator more CPU than mimalloc.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    corefy_gateway::cli::run()
}
