//! The audit log: what operators decide by command.

use super::{
    clock::Timestamp,
    ids::{AuditEntryId, OperationId},
    resolution::StatedOutcome,
};

/// The operator that gives a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The user of the operating system, and by whom that was taken on, if by another.
    pub user: String,
    /// The machine.
    pub host: String,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Our id.
    pub id: AuditEntryId,
    /// When it was made.
    pub decided_at: Timestamp,
    /// The operator that made it.
    pub operator: Operator,
    /// By which command.
    pub command: String,
    /// The operation it was about.
    pub operation_id: OperationId,
    /// The stated outcome.
    pub outcome: StatedOutcome,
    /// Why, in the operator's words.
    pub reason: String,
}
