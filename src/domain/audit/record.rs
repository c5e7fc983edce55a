//! A row of the audit log. It is text throughout, so that one which somebody has altered can still be shown.

use super::entry::AuditEntry;
use crate::domain::clock::Timestamp;

/// A decision at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the order of all, from 1.
    pub sequence: i64,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The kind of its author: `operator`, `key` or `gateway`.
    pub actor_kind: String,
    /// The author: a user, or the public half of a key.
    pub actor: String,
    /// The author's machine.
    pub host: String,
    /// The decision, as [`super::AuditAction`] has words for it.
    pub action: String,
    /// The kind of the object that it is about.
    pub object_kind: String,
    /// The object.
    pub object: String,
    /// Why.
    pub reason: String,
    /// The values before it, as JSON.
    pub before: Option<String>,
    /// The values after it, as JSON.
    pub after: Option<String>,
    /// The hash of the row before it; empty for the first of all.
    pub previous_hash: Vec<u8>,
    /// Its own keyed hash.
    pub hash: Vec<u8>,
}

impl AuditRecord {
    /// The row of an entry at this place, without its hash.
    pub(super) fn unhashed(entry: &AuditEntry, sequence: i64, previous_hash: &[u8]) -> Self {
        Self {
            sequence,
            id: entry.id.to_string(),
            made_at: entry.made_at,
            actor_kind: entry.by.kind().to_owned(),
            actor: entry.by.name().to_owned(),
            host: entry.by.host().to_owned(),
            action: entry.action.as_str().to_owned(),
            object_kind: entry.object_kind.to_owned(),
            object: entry.object.clone(),
            reason: entry.reason.clone(),
            before: entry.before.clone(),
            after: entry.after.clone(),
            previous_hash: previous_hash.to_vec(),
            hash: Vec::new(),
        }
    }

    /// The author as lists show it: `jane@bastion`, or the public half of a key.
    pub fn author(&self) -> String {
        if self.host.is_empty() { self.actor.clone() } else { format!("{}@{}", self.actor, self.host) }
    }
}
