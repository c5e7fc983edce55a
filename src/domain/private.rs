//! Text about a person: kept and handed out, never printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name, address, email or phone number. `Debug` shows only whether there is one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private(String);

impl Private {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the wire and the sealed store.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Forgets the text.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "[none]" } else { "[private]" })
    }
}
