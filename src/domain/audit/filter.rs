//! Which entries of the audit log are shown.

use super::action::AuditAction;
use crate::domain::clock::TimeRange;

/// Which entries a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// One of these decisions.
    pub actions: Vec<AuditAction>,
    /// By this author: the name of a user, or the public half of a key.
    pub actor: Option<String>,
    /// About the object with this id.
    pub object: Option<String>,
    /// Made then.
    pub made: TimeRange,
}
