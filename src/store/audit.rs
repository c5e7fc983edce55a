//! The table of what operators decided. Rows are only ever added.

use sqlx::any::AnyRow;

use super::{
    Error, Session, Tx,
    columns::{get, parse, time},
    session::Connected,
};
use crate::domain::{
    audit::{AuditEntry, Operator},
    clock::Timestamp,
    ids::{AuditEntryId, OperationId},
    resolution::StatedOutcome,
};

impl<C: Connected> Session<C> {
    /// The decisions about an operation, oldest first.
    pub async fn audit_of(&mut self, operation: &OperationId) -> Result<Vec<AuditEntry>, Error> {
        let query = sqlx::query("SELECT * FROM audit_log WHERE operation_id = $1 ORDER BY id").bind(operation.as_str());
        query.fetch_all(self.connection().await?).await?.iter().map(read).collect()
    }
}

impl Tx {
    /// Notes a command that is about no single operation.
    pub async fn operator_command_insert(
        &mut self,
        id: &AuditEntryId,
        operator: &Operator,
        command: &str,
        given_at: Timestamp,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO operator_commands (id, given_at, actor, host, command) VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(sql).bind(id.as_str()).bind(given_at.0);
        let query = query.bind(operator.user.as_str()).bind(operator.host.as_str()).bind(command);
        query.execute(self.writer().await?).await?;
        Ok(())
    }

    /// Adds an entry.
    pub async fn audit_insert(&mut self, entry: &AuditEntry) -> Result<(), Error> {
        let sql = "INSERT INTO audit_log (id, decided_at, actor, host, command, operation_id, outcome, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let query = sqlx::query(sql)
            .bind(entry.id.as_str())
            .bind(entry.decided_at.0)
            .bind(entry.operator.user.as_str())
            .bind(entry.operator.host.as_str())
            .bind(entry.command.as_str())
            .bind(entry.operation_id.as_str())
            .bind(entry.outcome.as_str())
            .bind(entry.reason.as_str());
        query.execute(self.writer().await?).await?;
        Ok(())
    }
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
