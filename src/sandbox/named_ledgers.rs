//! The ledgers with names: made when they are first asked for, or with a memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use super::{answer::SandboxRefusal, ledger_memory::LedgerMemory, lock::lock, shared::SandboxInner};

/// How many ledgers there are beside the first.
pub const MAX_LEDGERS: usize = 250;
/// The most characters of a ledger's name.
const MAX_NAME: usize = 40;

/// Whether a ledger can have this name: 1 to 40 characters of `a` to `z`, `0` to `9`, and dashes.
pub(super) fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_of_name)
}

impl SandboxInner {
    /// The ledger of this name, which is made when it is first asked for.
    pub fn named(self: &Arc<Self>, name: &str) -> Result<Arc<Self>, SandboxRefusal> {
        if !is_name(name) {
            let why = "the name of a ledger is 1 to 40 characters: a to z, 0 to 9, and dashes";
            return Err(SandboxRefusal::new(400, "malformed_ledger", why));
        }
        let mut ledgers = lock(&self.ledgers);
        if let Some(ledger) = ledgers.get(name) {
            return Ok(ledger.clone());
        }
        if ledgers.len() >= MAX_LEDGERS {
            let why = "the sandbox has as many ledgers as it can; restart it";
            return Err(SandboxRefusal::new(503, "sandbox_full", why));
        }
        let ledger = self.open(name);
        ledgers.insert(name.to_owned(), ledger.clone());
        Ok(ledger)
    }

    /// The ledger without a name; `None` when its sandbox is gone.
    pub fn without_name(self: &Arc<Self>) -> Option<Arc<Self>> {
        self.first.as_ref().map_or_else(|| Some(self.clone()), Weak::upgrade)
    }

    /// Every ledger with a name.
    pub fn all_named(&self) -> BTreeMap<String, Arc<Self>> {
        lock(&self.ledgers).clone()
    }

    /// Loads the memories of ledgers with names, as many as there may be; those that have none are closed.
    pub fn load_named(self: &Arc<Self>, memories: BTreeMap<String, LedgerMemory>) {
        let mut ledgers = lock(&self.ledgers);
        let closed = ledgers.extract_if(.., |name, _| !memories.contains_key(name));
        closed.for_each(|(_, ledger)| ledger.shutdown.cancel());
        for (name, memory) in memories {
            ledgers.entry(name).or_insert_with_key(|name| self.open(name)).load(memory);
        }
        self.changes.note();
    }

    fn open(self: &Arc<Self>, name: &str) -> Arc<Self> {
        let ledger = self.beside(name);
        ledger.spawn_delivery();
        ledger.spawn_ticking();
        ledger
    }
}
