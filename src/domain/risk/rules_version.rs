//! Versions of the rules: files that were applied, kept as they were written.

use crate::domain::clock::Timestamp;

/// The longest reason for a change of rules or lists, in characters.
pub const LONGEST_REASON: usize = 500;

/// A rule set that was applied. Written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesVersion {
    /// Its number, from 1.
    pub version: i64,
    /// The name that the file has for itself.
    pub name: String,
    /// The file.
    pub source: String,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// The operator, or the public half of the key, that applied it.
    pub applied_by: String,
    /// Why, in their words.
    pub reason: String,
}
