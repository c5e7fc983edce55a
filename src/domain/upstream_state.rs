//! The notes that a dialect of Corefy keeps about an intent: the gateway stores them for it, and reads nothing of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A dialect's own notes about an intent, in a form that only it knows. They may hold a pass to a payment: they are sealed in the store,
/// are part of no event and no answer, and never print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamState(String);

impl UpstreamState {
    /// Wraps a dialect's notes; empty text stands for none.
    pub fn new(notes: String) -> Self {
        Self(notes)
    }

    /// The notes, for the dialect that made them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the dialect has noted nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for UpstreamState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "[none]" } else { "[notes]" })
    }
}
