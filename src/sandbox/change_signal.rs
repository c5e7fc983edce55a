//! The signal that the memory of the sandbox may have changed.

use std::sync::Arc;

use tokio::sync::Notify;

/// Says that the memory may have changed. All clones are the same signal, which one task waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeSignal(Arc<Notify>);

impl ChangeSignal {
    /// Says so.
    pub fn note(&self) {
        self.0.notify_one();
    }

    /// Returns when it was said since the last time that this returned.
    pub async fn noted(&self) {
        self.0.notified().await;
    }
}
