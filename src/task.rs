//! Tasks that run beside the calls: each has a name, by which its log lines are found.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Runs `future` as a task. At the level `debug` the log names the task in each of its lines.
#[expect(clippy::disallowed_methods, reason = "this is where tasks come from")]
pub fn spawn<T: Send + 'static>(name: &'static str, future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(future.instrument(tracing::debug_span!(parent: None, "task", name)))
}
