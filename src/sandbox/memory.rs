//! The memory of a sandbox as one JSON document: all that decides what it does next, for the first ledger and for those with
//! names. The journal of requests is no part of it. No card number is either: cards are kept masked, with what their numbers do,
//! and bodies of requests as their HMACs. Moments are microseconds since 1970, amounts minor units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ledger_memory::LedgerMemory, turning::KeptClock};

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;
/// The largest memory as a document, in bytes; what is larger is neither written nor read.
pub const MAX_MEMORY: usize = 64 << 20;

/// The memory of a sandbox.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxMemory {
    format: u32,
    pub(super) clock: KeptClock,
    /// The ledger without a name.
    pub(super) ledger: LedgerMemory,
    /// The others, by name.
    pub(super) named: BTreeMap<String, LedgerMemory>,
}

/// Why a document is no memory, or a memory no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryProblem {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// Something in it is wrong.
    #[error("{place}: {problem}")]
    Wrong {
        /// The path of the member, as `ledger.objects.intents.in_1.status`.
        place: String,
        /// A sentence.
        problem: String,
    },
    /// It has more than [`MAX_MEMORY`] bytes.
    #[error("it has more than {MAX_MEMORY} bytes")]
    TooLarge,
}

impl MemoryProblem {
    /// Something wrong at this place.
    pub(super) fn at(place: &str, problem: impl Into<String>) -> Self {
        Self::Wrong { place: place.to_owned(), problem: problem.into() }
    }
}

impl SandboxMemory {
    /// The memory of these ledgers.
    pub(super) fn of(clock: KeptClock, ledger: LedgerMemory, named: BTreeMap<String, LedgerMemory>) -> Self {
        Self { format: FORMAT, clock, ledger, named }
    }

    /// Reads a document. The error says where it is wrong.
    pub fn read(document: &[u8]) -> Result<Self, MemoryProblem> {
        /// The member that says how the others are read.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        if document.len() > MAX_MEMORY {
            return Err(MemoryProblem::TooLarge);
        }
        let head: Head = read(document)?;
        if head.format != FORMAT {
            return Err(MemoryProblem::at("format", format!("{} is not known; {FORMAT} is", head.format)));
        }
        let memory: Self = read(document)?;
        memory.check()?;
        Ok(memory)
    }

    /// Writes it.
    pub fn write(&self) -> Result<Vec<u8>, MemoryProblem> {
        let document = serde_json::to_vec(self).map_err(|error| MemoryProblem::NotJson(error.to_string()))?;
        if document.len() > MAX_MEMORY { Err(MemoryProblem::TooLarge) } else { Ok(document) }
    }
}

fn read<'de, T: Deserialize<'de>>(document: &'de [u8]) -> Result<T, MemoryProblem> {
    let mut json = serde_json::Deserializer::from_slice(document);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        match error.into_inner() {
            error if error.is_data() => MemoryProblem::at(&place, error.to_string()),
            error => MemoryProblem::NotJson(error.to_string()),
        }
    })?;
    json.end().map_err(|error| MemoryProblem::NotJson(error.to_string()))?;
    Ok(read)
}
