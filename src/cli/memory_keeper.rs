//! Keeps the memory of a sandbox in a file: a moment after each change, before the clock is put ahead, and at the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{failure::CommandFailure, memory_file::MemoryFile};
use crate::{sandbox::Sandbox, task};

/// How long changes are gathered before they are written; with the writing, what a kill loses is at most a second old.
const GATHERING_TIME: Duration = Duration::from_millis(500);

/// Keeps the memory of a sandbox in a file.
pub(super) struct MemoryKeeper {
    sandbox: Sandbox,
    /// One writing at a time.
    file: Mutex<Arc<MemoryFile>>,
    /// Whether the last writing failed, which is logged once.
    is_failing: AtomicBool,
}

impl MemoryKeeper {
    /// Writes the memory, and keeps it until `stop`; without a file it is not kept. Fails when it cannot be written at all.
    pub(super) async fn start(
        sandbox: Sandbox,
        file: Option<MemoryFile>,
        stop: CancellationToken,
    ) -> Result<Option<Arc<Self>>, CommandFailure> {
        let Some(file) = file else { return Ok(None) };
        let keeper = Arc::new(Self { sandbox, file: Mutex::new(Arc::new(file)), is_failing: AtomicBool::new(false) });
        keeper.keep().await?;
        // The sandbox, which the keeper has, does not have the keeper.
        let at_turns = Arc::downgrade(&keeper);
        keeper.sandbox.before_advance(Arc::new(move || {
            let keeper = at_turns.upgrade();
            Box::pin(async move {
                if let Some(keeper) = keeper {
                    keeper.keep_or_warn().await;
                }
            })
        }));
        let own = keeper.clone();
        task::spawn("memory of the sandbox", async move { stop.run_until_cancelled(own.follow()).await });
        Ok(Some(keeper))
    }

    async fn follow(&self) {
        loop {
            self.sandbox.changed().await;
            tokio::time::sleep(GATHERING_TIME).await;
            self.keep_or_warn().await;
        }
    }

    /// Writes the memory as it stands.
    pub(super) async fn keep(&self) -> Result<(), CommandFailure> {
        let file = self.file.lock().await;
        let (sandbox, to) = (self.sandbox.clone(), file.clone());
        let written = tokio::task::spawn_blocking(move || to.write(&sandbox)).await;
        written.map_err(|error| CommandFailure::Failed(error.to_string()))?
    }

    async fn keep_or_warn(&self) {
        let kept = self.keep().await;
        let was_failing = self.is_failing.swap(kept.is_err(), Ordering::Relaxed);
        if let Err(failure) = kept
            && !was_failing
        {
            tracing::error!("the memory of the sandbox is not kept: {failure}");
        }
    }
}
