//! The end of a command that runs until it is stopped.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// Returns when the process is told to stop, by SIGTERM or SIGINT.
pub(super) async fn signal() -> io::Result<()> {
    let mut terminate = unix::signal(SignalKind::terminate())?;
    let mut interrupt = unix::signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
