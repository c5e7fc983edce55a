//! The table of the subjects of risk, each with its attempts.

use sqlx::any::AnyRow;

use super::{
    Error, Store, Tracked,
    columns::{get, parse, time},
    read_batcher::{Lookup, SharedRows},
    tracked::RowWrite,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    risk::{history::RiskSubject, subject::SubjectId},
};

/// Ordered, as [`UPDATE`] is: many gateways write the same subjects, and none may wait for another in a circle.
pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskSubjectInsert,
    columns: &[("id", Text), ("past", Text), ("expires_at", Int), ("revision", Int)],
    sql: "INSERT INTO risk_subjects (id, past, expires_at, revision)
         SELECT id, past, expires_at, revision FROM {rows} WHERE TRUE ORDER BY id
         ON CONFLICT (id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    rank: Rank::RiskSubjectUpdate,
    columns: &[("id", Text), ("past", Text), ("expires_at", Int), ("revision", Int), ("read_revision", Int)],
    sql: "UPDATE risk_subjects SET past = ordered.past, expires_at = ordered.expires_at, revision = ordered.revision
         FROM (SELECT * FROM {rows} ORDER BY id) AS ordered
         WHERE risk_subjects.id = ordered.id AND risk_subjects.revision = ordered.read_revision
         AND ordered.revision > ordered.read_revision",
};

/// Attempts that are decided about at the same time are read together.
pub(super) static BY_ID: Lookup =
    Lookup { sql: "SELECT id, past, revision, expires_at FROM risk_subjects WHERE id IN ({keys})", key: "id" };

/// The last id of a step of a walk through the table. There is no index of expiries, which every attempt would have to write.
pub(super) const STEP: &str = "SELECT id FROM risk_subjects WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2";
/// Deletes within a step, and within the last.
pub(super) const DELETE: &str = "DELETE FROM risk_subjects WHERE id > $1 AND expires_at <= $2 AND id <= $3";
pub(super) const DELETE_REST: &str = "DELETE FROM risk_subjects WHERE id > $1 AND expires_at <= $2";

/// A step of the walk that deletes subjects.
pub struct SubjectsWalked {
    /// How many were deleted.
    pub deleted: u64,
    /// The id that the next step goes on after; `None`: this was the last.
    pub next: Option<String>,
}

impl Store {
    /// The subjects of an attempt. One without a row is new.
    pub async fn risk_subjects(&self, ids: &[SubjectId]) -> Result<Vec<Tracked<RiskSubject>>, Error> {
        let rows = self.read_batcher.rows_of(&BY_ID, ids.iter().map(SubjectId::as_str)).await?;
        let found = |(id, rows): (&SubjectId, SharedRows)| match rows.first() {
            Some(row) => read(row),
            None => Ok(Tracked::absent(RiskSubject::new(id.clone()))),
        };
        ids.iter().zip(rows).map(found).collect()
    }

    /// Looks at the `step` subjects after the id `after`, all of them in a walk from the empty id on, and deletes those of which
    /// nothing counts any more.
    pub async fn delete_risk_subjects(&self, after: &str, now: Timestamp, step: u32) -> Result<SubjectsWalked, Error> {
        let mut session = self.read().await?;
        let last = sqlx::query(STEP).bind(after.to_owned()).bind(i64::from(step) - 1);
        let last = last.fetch_optional(session.connection()).await?;
        drop(session);
        let next: Option<String> = last.map(|row| get(&row, "id")).transpose()?;
        let sql = if next.is_some() { DELETE } else { DELETE_REST };
        let delete = sqlx::query(sql).bind(after.to_owned()).bind(now.0);
        let deleted = match &next {
            Some(last) => self.execute(delete.bind(last.clone())).await?,
            None => self.execute(delete).await?,
        };
        Ok(SubjectsWalked { deleted, next })
    }
}

/// The row that the subject needs. Subjects are not deleted but when they expire.
pub(super) fn write(subject: &Tracked<RiskSubject>) -> Result<Option<Write>, Error> {
    let (rank, version) = match subject.row_write() {
        None | Some(RowWrite::Delete(_)) => return Ok(None),
        Some(RowWrite::Insert) => (Rank::RiskSubjectInsert, None),
        Some(RowWrite::Update(version)) => (Rank::RiskSubjectUpdate, Some(version)),
    };
    let past = serde_json::to_string(&subject.past).map_err(|error| Error::corrupt(error.to_string()))?;
    let row =
        RowValues::new().and(subject.id.as_str()).and(past.as_str()).and(subject.expires_at.0).and(subject.revision);
    let row = match version {
        None => row,
        Some(version) => row.and(version),
    };
    Ok(Some(Write::new(rank, subject.id.as_str(), row)))
}

fn read(row: &AnyRow) -> Result<Tracked<RiskSubject>, Error> {
    let id = parse(row, "id", SubjectId::parse)?;
    let past: String = get(row, "past")?;
    let past = serde_json::from_str(&past)
        .map_err(|error| Error::corrupt(format!("the past of {id} was written by another version: {error}")))?;
    let revision = get(row, "revision")?;
    Ok(Tracked::stored(RiskSubject { id, revision, past, expires_at: time(row, "expires_at")? }, revision))
}
