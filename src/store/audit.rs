//! The table of what operators decided. SharedRows are only ever added.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession,
    columns::{get, parse, time},
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    audit::{AuditEntry, Operator},
    clock::Timestamp,
    ids::{AuditEntryId, OperationId},
    resolution::StatedOutcome,
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::AuditEntryInsert,
    columns: &[
        ("id", Text),
        ("decided_at", Int),
        ("actor", Text),
        ("host", Text),
        ("command", Text),
        ("operation_id", Text),
        ("outcome", Text),
        ("reason", Text),
    ],
    sql: "INSERT INTO audit_log (id, decided_at, actor, host, command, operation_id, outcome, reason)
         SELECT id, decided_at, actor, host, command, operation_id, outcome, reason FROM {rows} WHERE TRUE",
};

pub(super) static INSERT_COMMAND: Statement = Statement {
    rank: Rank::OperatorCommandInsert,
    columns: &[("id", Text), ("given_at", Int), ("actor", Text), ("host", Text), ("command", Text)],
    sql: "INSERT INTO operator_commands (id, given_at, actor, host, command)
         SELECT id, given_at, actor, host, command FROM {rows} WHERE TRUE",
};

impl ReadSession {
    /// The decisions about an operation, oldest first.
    pub async fn audit_of(&mut self, operation: &OperationId) -> Result<Vec<AuditEntry>, Error> {
        let query = sqlx::query("SELECT * FROM audit_log WHERE operation_id = $1 ORDER BY id").bind(operation.as_str());
        query.fetch_all(self.connection()).await?.iter().map(read).collect()
    }
}

/// Adds a decision.
pub(super) fn insertion(entry: &AuditEntry) -> Write {
    let row = RowValues::new()
        .and(entry.id.as_str())
        .and(entry.decided_at.0)
        .and(entry.operator.user.as_str())
        .and(entry.operator.host.as_str())
        .and(entry.command.as_str())
        .and(entry.operation_id.as_str())
        .and(entry.outcome.as_str())
        .and(entry.reason.as_str());
    Write::new(Rank::AuditEntryInsert, entry.id.as_str(), row)
}

/// Adds a command that is about no single operation.
pub(super) fn command_insertion(id: &AuditEntryId, operator: &Operator, command: &str, given_at: Timestamp) -> Write {
    let row = RowValues::new()
        .and(id.as_str())
        .and(given_at.0)
        .and(operator.user.as_str())
        .and(operator.host.as_str())
        .and(command);
    Write::new(Rank::OperatorCommandInsert, id.as_str(), row)
}

fn read(row: &AnyRow) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        id: parse(row, "id", AuditEntryId::parse)?,
        decided_at: time(row, "decided_at")?,
        operator: Operator { user: get(row, "actor")?, host: get(row, "host")? },
        command: get(row, "command")?,
        operation_id: parse(row, "operation_id", OperationId::parse)?,
        outcome: parse(row, "outcome", StatedOutcome::parse)?,
        reason: get(row, "reason")?,
    })
}
