//! The memory of one ledger: taken as it stands at one moment, and loaded in one step.

use serde::{Deserialize, Serialize};

use super::{
    faults::KeptFaults, kept::KeptObjects, lock::lock, route::Journal, shared::SandboxInner,
    webhook_queue::WebhookQueue,
};

/// All that decides what a ledger does next.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerMemory {
    pub objects: KeptObjects,
    pub faults: KeptFaults,
    pub webhooks: WebhookQueue,
}

impl SandboxInner {
    /// The memory as it stands.
    pub fn memory(&self) -> LedgerMemory {
        // Held until the end: what a call does to money and the webhook that tells of it are in one memory.
        let state = lock(&self.state);
        LedgerMemory { objects: state.kept.clone(), faults: self.faults.kept(), webhooks: self.webhooks.kept() }
    }

    /// Takes the place of all that it knew; the journal of requests, which is part of no memory, is emptied.
    pub fn load(&self, memory: LedgerMemory) {
        let mut state = lock(&self.state);
        state.kept = memory.objects;
        self.faults.load(memory.faults);
        self.webhooks.load(memory.webhooks);
        *lock(&self.journal) = Journal::default();
    }
}
