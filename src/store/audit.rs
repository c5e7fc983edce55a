//! The tables of the audit log: its rows, which are only ever added, and its head.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, audit_head,
    columns::{get, time},
    list_query::ListQuery,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::audit::{AuditAction, AuditFilter, AuditHead, AuditRecord};

pub(super) static HEAD: Statement = Statement {
    rank: Rank::AuditHeadUpdate,
    columns: &[
        ("read_sequence", Int),
        ("read_first", Int),
        ("sequence", Int),
        ("hash", Bytes),
        ("first_sequence", Int),
        ("hash_before_first", Bytes),
        ("seal", Bytes),
    ],
    sql: "UPDATE audit_head SET sequence = new.sequence, hash = new.hash, first_sequence = new.first_sequence,
             hash_before_first = new.hash_before_first, seal = new.seal
         FROM {rows} WHERE audit_head.id = 1 AND audit_head.sequence = new.read_sequence
         AND audit_head.first_sequence = new.read_first",
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::AuditRowInsert,
    columns: &[
        ("sequence", Int),
        ("id", Text),
        ("made_at", Int),
        ("actor_kind", Text),
        ("actor", Text),
        ("host", Text),
        ("action", Text),
        ("object_kind", Text),
        ("object", Text),
        ("reason", Text),
        ("value_before", Text),
        ("value_after", Text),
        ("previous_hash", Bytes),
        ("hash", Bytes),
    ],
    sql: "INSERT INTO audit_log (sequence, id, made_at, actor_kind, actor, host, action, object_kind, object, reason,
             value_before, value_after, previous_hash, hash)
         SELECT sequence, id, made_at, actor_kind, actor, host, action, object_kind, object, reason,
             value_before, value_after, previous_hash, hash FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static PRUNE: Statement = Statement {
    rank: Rank::AuditRowsDelete,
    columns: &[("first", Int), ("last", Int)],
    sql: "DELETE FROM audit_log WHERE sequence IN
             (SELECT gone.sequence FROM audit_log AS gone, {rows} WHERE gone.sequence BETWEEN new.first AND new.last)",
};

impl ReadSession {
    /// The head of the audit log, whether it is sealed or not.
    pub async fn audit_head(&mut self) -> Result<AuditHead, Error> {
        audit_head::read(self.connection()).await
    }

    /// The places of the first and of the last row that there is; `None` when there is none.
    pub async fn audit_ends(&mut self) -> Result<Option<(i64, i64)>, Error> {
        let sql =
            "SELECT (SELECT MIN(sequence) FROM audit_log) AS first, (SELECT MAX(sequence) FROM audit_log) AS last";
        let row = sqlx::query(sql).fetch_one(self.connection()).await?;
        let (first, last): (Option<i64>, Option<i64>) = (get(&row, "first")?, get(&row, "last")?);
        Ok(first.zip(last))
    }

    /// Rows of the audit log behind this place, in their order.
    pub async fn audit_rows_after(
        &mut self,
        filter: &AuditFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, Error> {
        let query = select(filter)?.and("sequence", ">", Some(after))?;
        let rows = query.fetch(self.connection(), "sequence", limit).await?;
        rows.iter().map(read).collect()
    }

    /// Rows of the audit log, the last ones first.
    pub async fn audit_rows(&mut self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>, Error> {
        let rows = select(filter)?.fetch(self.connection(), "sequence DESC", limit).await?;
        rows.iter().map(read).collect()
    }
}

fn select(filter: &AuditFilter) -> Result<ListQuery, Error> {
    let actions: Vec<_> = filter.actions.iter().copied().map(AuditAction::as_str).map(str::to_owned).collect();
    ListQuery::from("audit_log")
        .and("object", "=", filter.object.clone())?
        .and_in("action", &actions)?
        .and("actor", "=", filter.actor.clone())?
        .and_within("made_at", filter.made)
}

/// Writes the head, which conflicts when it is not `read` any more.
pub(super) fn head_write(read: &AuditHead, next: &AuditHead) -> Write {
    let row = RowValues::new()
        .and(read.sequence)
        .and(read.first_sequence)
        .and(next.sequence)
        .and(&next.hash[..])
        .and(next.first_sequence)
        .and(&next.hash_before_first[..])
        .and(&next.seal[..]);
    Write::new(Rank::AuditHeadUpdate, "audit_head", row)
}

/// Adds a row. Conflicts when there is one with its id.
pub(super) fn insertion(row: &AuditRecord) -> Write {
    let values = RowValues::new()
        .and(row.sequence)
        .and(row.id.as_str())
        .and(row.made_at.0)
        .and(row.actor_kind.as_str())
        .and(row.actor.as_str())
        .and(row.host.as_str())
        .and(row.action.as_str())
        .and(row.object_kind.as_str())
        .and(row.object.as_str())
        .and(row.reason.as_str())
        .and(row.before.as_deref())
        .and(row.after.as_deref())
        .and(&row.previous_hash[..])
        .and(&row.hash[..]);
    Write::new(Rank::AuditRowInsert, &row.id, values)
}

/// Deletes the rows from one place to another.
pub(super) fn deletion(first: i64, last: i64) -> Write {
    Write::new(Rank::AuditRowsDelete, "audit_rows", RowValues::new().and(first).and(last))
}

fn read(row: &AnyRow) -> Result<AuditRecord, Error> {
    Ok(AuditRecord {
        sequence: get(row, "sequence")?,
        id: get(row, "id")?,
        made_at: time(row, "made_at")?,
        actor_kind: get(row, "actor_kind")?,
        actor: get(row, "actor")?,
        host: get(row, "host")?,
        action: get(row, "action")?,
        object_kind: get(row, "object_kind")?,
        object: get(row, "object")?,
        reason: get(row, "reason")?,
        before: get(row, "value_before")?,
        after: get(row, "value_after")?,
        previous_hash: get(row, "previous_hash")?,
        hash: get(row, "hash")?,
    })
}
