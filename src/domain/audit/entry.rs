//! One decision on its way to the audit log.

use super::{
    action::AuditAction,
    actor::{Actor, Note},
};
use crate::domain::{
    clock::Timestamp,
    ids::{AuditEntryId, Ids},
};

/// The longest text that an entry has of what was before a decision, or is after it, in bytes.
pub const LONGEST_VALUES: usize = 4096;

/// One decision. It never has a secret, nor anything of a payer: so erasing a person leaves the log as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Our id.
    pub id: AuditEntryId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Its author.
    pub by: Actor,
    /// The decision.
    pub action: AuditAction,
    /// The kind of the object that it is about, such as `operation`.
    pub object_kind: &'static str,
    /// The id of the object; may be empty.
    pub object: String,
    /// Why, in the author's words; may be empty.
    pub reason: String,
    /// The values before it, as JSON.
    pub before: Option<String>,
    /// The values after it, as JSON.
    pub after: Option<String>,
}

impl AuditEntry {
    /// A decision about `object`, which is a kind and an id.
    pub fn new(
        ids: &Ids,
        made_at: Timestamp,
        note: &Note,
        action: AuditAction,
        object: (&'static str, impl Into<String>),
    ) -> Self {
        Self {
            id: AuditEntryId::generate(ids),
            made_at,
            by: note.by.clone(),
            action,
            object_kind: object.0,
            object: object.1.into(),
            reason: note.reason.clone(),
            before: None,
            after: None,
        }
    }

    /// With what was before it.
    #[must_use]
    pub fn from(self, before: &serde_json::Value) -> Self {
        Self { before: Some(bounded(before)), ..self }
    }

    /// With what is after it.
    #[must_use]
    pub fn to(self, after: &serde_json::Value) -> Self {
        Self { after: Some(bounded(after)), ..self }
    }
}

/// The text of `values`, or of their length where that is more than an entry has room for.
fn bounded(values: &serde_json::Value) -> String {
    let text = values.to_string();
    if text.len() <= LONGEST_VALUES { text } else { serde_json::json!({"bytes_left_out": text.len()}).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_no_more_of_its_values_than_there_is_room_for() {
        let note = Note { by: Actor::Key("pk_acme_1".to_owned()), reason: String::new() };
        let entry = AuditEntry::new(&Ids::system(), Timestamp(0), &note, AuditAction::KeyCreate, ("api_key", "pk_1"));
        let values = |length: usize| serde_json::json!("a".repeat(length - 2));
        assert_eq!(entry.clone().to(&values(LONGEST_VALUES)).after.map(|text| text.len()), Some(LONGEST_VALUES));
        assert_eq!(entry.from(&values(4097)).before.as_deref(), Some(r#"{"bytes_left_out":4097}"#));
    }
}
