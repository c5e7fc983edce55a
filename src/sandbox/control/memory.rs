//! The memory of all ledgers: read, and replaced.

use std::time::Duration;

use super::not_possible::NotPossible;
use crate::sandbox::{handle::Sandbox, memory::SandboxMemory};

impl Sandbox {
    /// The memory of all ledgers as it stands. Fails for a ledger with a name, which has no memory of its own.
    pub fn memory(&self) -> Result<SandboxMemory, NotPossible> {
        self.require_all()?;
        let clock = self.shared.turning.kept(&self.shared.environment.clock);
        let named = self.shared.all_named().into_iter().map(|(name, ledger)| (name, ledger.memory())).collect();
        Ok(SandboxMemory::of(clock, self.shared.memory(), named))
    }

    /// Takes a memory over in the place of all that is known, as a whole. A clock that was ahead is ahead again; none is put back.
    /// Fails for a ledger with a name, and when the clock cannot be put ahead as far; then nothing is taken over.
    pub async fn load(&self, memory: SandboxMemory) -> Result<(), NotPossible> {
        self.require_all()?;
        let turning = &self.shared.turning;
        let _alone = turning.alone.lock().await;
        let clock = &self.shared.environment.clock;
        let by = memory.clock.beyond(clock);
        if by > Duration::ZERO {
            self.check_turn(by)?;
        }
        self.shared.load(memory.ledger);
        self.shared.load_named(memory.named);
        if by > Duration::ZERO {
            turning.promise(clock.lead() + by).await;
            clock.advance(by);
            self.catch_up().await;
            turning.is_done();
        }
        Ok(())
    }

    /// Returns when the memory may have changed since the last time that this returned.
    pub async fn changed(&self) {
        self.shared.changes.noted().await;
    }

    fn require_all(&self) -> Result<(), NotPossible> {
        let why = "the memory is that of all ledgers: leave X-Sandbox-Ledger out";
        if self.shared.first.is_some() { Err(NotPossible::NotNow(why)) } else { Ok(()) }
    }
}
