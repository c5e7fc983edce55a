//! The end of what is kept for a time: operations, webhooks and events; and how much of each kind is past its time.

use sqlx::AssertSqlSafe;

use super::{
    Error, ReadSession, Store,
    columns::{get, optional_time},
};
use crate::domain::{clock::Timestamp, retention::RetainedKind};

/// How many rows of a kind are counted at most that are past their time.
pub const MOST_COUNTED: u32 = 100_000;

/// Payments that the walk has not passed, of which the oldest are read, and those that wait behind it.
const NOT_EMPTIED: &str = "(SELECT id, changed_at FROM
     (SELECT id, updated_at AS changed_at FROM payment_intents
      WHERE id > (SELECT passed FROM payer_data_walks WHERE walk = 'payment_intents') ORDER BY id LIMIT 100000) AS ahead
     UNION ALL SELECT id, changed_at FROM
     (SELECT id, updated_at AS changed_at FROM payment_intents
      WHERE id IN (SELECT payment_intent_id FROM payer_data_later ORDER BY look_at LIMIT 100000)) AS waiting) AS not_emptied";

/// The oldest rows of a kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The time of the oldest that is deleted in time; `None` when there is none.
    pub oldest: Option<Timestamp>,
    /// How many of the oldest [`MOST_COUNTED`] are past their time.
    pub due: u64,
}

impl ReadSession {
    /// The oldest of this kind, and how much of the kind is older than `before`.
    pub async fn retained(&mut self, kind: RetainedKind, before: Timestamp) -> Result<Retained, Error> {
        let (table, time, condition, order) = match kind {
            RetainedKind::ApiCalls => ("api_calls", "created_at", "TRUE", "id"),
            RetainedKind::Operations => ("operations", "finished_at", "state = 'done'", "id"),
            RetainedKind::Webhooks => ("webhooks", "processed_at", "state = 'processed'", "id"),
            RetainedKind::Events => ("events", "created_at", "position IS NOT NULL", "position"),
            RetainedKind::RiskDecisions => ("risk_decisions", "created_at", "TRUE", "id"),
            RetainedKind::PayerData => (NOT_EMPTIED, "changed_at", "TRUE", "id"),
            RetainedKind::AuditLog => ("audit_log", "made_at", "TRUE", "sequence"),
        };
        let sql = format!(
            "SELECT MIN(at) AS oldest, COALESCE(SUM(CASE WHEN at < $1 THEN 1 ELSE 0 END), 0) AS due
             FROM (SELECT {time} AS at FROM {table} WHERE {condition} ORDER BY {order} LIMIT {MOST_COUNTED}) AS oldest"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(before.0).fetch_one(self.connection()).await?;
        let due: i64 = get(&row, "due")?;
        Ok(Retained { oldest: optional_time(&row, "oldest")?, due: u64::try_from(due).unwrap_or_default() })
    }
}

impl Store {
    /// Deletes those of the oldest `limit` finished operations that finished before `finished_before`. Returns how many. The
    /// order of ids is that of time, so that the oldest are found without looking at others; unfinished ones are passed over.
    /// No row refers to an operation: what the audit and the log of calls say of it stays.
    pub async fn delete_finished_operations(&self, finished_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM operations WHERE id IN (SELECT id FROM
             (SELECT id, finished_at FROM operations WHERE state = 'done' ORDER BY id LIMIT +$2) AS oldest
             WHERE finished_at < $1)";
        self.execute(sqlx::query(sql).bind(finished_before.0).bind(i64::from(limit))).await
    }

    /// Deletes those of the oldest `limit` processed webhooks that were processed before this moment. Returns how many. What is not
    /// processed is kept, and so is the last one that came, which says when that was.
    pub async fn delete_processed_webhooks(&self, processed_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM webhooks WHERE id IN (SELECT id FROM
             (SELECT id, processed_at FROM webhooks WHERE state = 'processed' ORDER BY id LIMIT +$2) AS oldest
             WHERE processed_at < $1) AND state = 'processed' AND id < (SELECT MAX(id) FROM webhooks)";
        self.execute(sqlx::query(sql).bind(processed_before.0).bind(i64::from(limit))).await
    }

    /// Deletes those of the oldest `limit` events that happened before this moment, without a gap: none of which an earlier one stays.
    /// Returns how many.
    pub async fn delete_events(&self, happened_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "WITH oldest AS
             (SELECT position, created_at FROM events WHERE position IS NOT NULL ORDER BY position LIMIT +$2)
             DELETE FROM events WHERE position IN (SELECT position FROM oldest WHERE position <
                 COALESCE((SELECT MIN(position) FROM oldest WHERE created_at >= $1), 9223372036854775807))";
        self.execute(sqlx::query(sql).bind(happened_before.0).bind(i64::from(limit))).await
    }
}
