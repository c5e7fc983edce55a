//! The log of a running command: to standard error, as text for people or as JSON for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Starts the log, with a line for each of the `misspelt` variables. A panic is logged as well, in one line like everything else.
pub(super) fn start(config: &LogConfig, misspelt: &[String]) {
    let log = fmt()
        .with_env_filter(EnvFilter::new(&config.filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // Not the message: it may quote the value that caused it.
        tracing::error!(place, "panic");
    }));
    for sentence in misspelt {
        tracing::warn!("{sentence}");
    }
}
