//! Statements that go to PostgreSQL together.

use std::fmt::Write as _;

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyArguments, error::DatabaseError};

use super::{
    ColumnType, Rank,
    row::{StatementRows, add},
    statements::statement,
};
use crate::store::{CommitError, Conflict, Error, event_signal::CHANNEL};

/// Writes all rows, or none.
pub(super) async fn write(parts: Vec<StatementRows>, on: &mut AnyConnection) -> Result<(), CommitError> {
    let (sql, arguments) = together(parts)?;
    let written = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(on).await;
    let Err(error) = written else { return Ok(()) };
    let conflict = error.as_database_error().and_then(conflict);
    Err(conflict.map_or_else(|| Error::of_commit(error.into()).into(), CommitError::Conflict))
}

/// The conflict that the database's error tells of: a lock was waited for too long, or in a circle; or a row did not fit, and
/// the message of `require_rows` ends with the rank of its statement.
fn conflict(error: &dyn DatabaseError) -> Option<Conflict> {
    match error.code()?.as_ref() {
        "55P03" | "40P01" => Some(Conflict::Locked),
        "GW001" => {
            let rank: usize = error.message().rsplit(' ').next()?.parse().ok()?;
            Rank::ALL.get(rank).map(|rank| rank.conflict())
        }
        _ => None,
    }
}

/// PostgreSQL takes them as one statement, whose parts all see the database as it was before; so it costs one round trip,
/// and is a transaction where none is open.
fn together(parts: Vec<StatementRows>) -> Result<(String, AnyArguments), Error> {
    let (mut sql, mut arguments) = (String::from("WITH "), AnyArguments::default());
    let (mut found, mut required, mut tells) = (Vec::new(), Vec::new(), false);
    for (part, places) in parts.into_iter().zip(1_usize..) {
        let (place, part_statement) = (part.rank as usize, statement(part.rank));
        let (rows, bytes, count) = (3 * places - 2, 3 * places - 1, 3 * places);
        if part_statement.is_of_events() {
            // Asking for what was found before has everything else run, and locked, before.
            let before = if found.is_empty() { "0".to_owned() } else { found.join(" + ") };
            let _ = write!(
                sql,
                "sequence AS (UPDATE event_sequence SET last = last + ${count} WHERE id = 1 AND {before} >= 0
                     RETURNING last), "
            );
            tells = true;
        }
        let position = format!("(SELECT last FROM sequence) - ${count} + new.place");
        let columns = part_statement.columns(|place, kind| match kind {
            ColumnType::Text => format!("value ->> {place}"),
            ColumnType::Int => format!("CAST(value ->> {place} AS BIGINT)"),
            ColumnType::Bytes => format!(
                "substring(${bytes} FROM 1 + CAST(value ->> 0 AS INT) + CAST(value -> {place} ->> 0 AS INT)
                     FOR CAST(value -> {place} ->> 1 AS INT))"
            ),
        });
        let elements = format!("jsonb_array_elements(CAST(${rows} AS JSONB)) WITH ORDINALITY");
        let table = format!("(SELECT ordinality AS place, {columns} FROM {elements}) AS new");
        let statement = part_statement.sql.replace("{rows}", &table).replace("{position}", &position);
        let _ = write!(sql, "part{places} AS ({statement} RETURNING 1), ");
        let written = format!("(SELECT COUNT(*) FROM part{places})");
        let checked = format!("require_rows({written}, ${count}, {place})");
        required.push(if part.rank.requires_rows() { checked } else { written.clone() });
        found.push(written);
        add(&mut arguments, part.rows)?;
        add(&mut arguments, part.bytes)?;
        add(&mut arguments, part.count)?;
    }
    sql.truncate(sql.len() - ", ".len());
    let _ = write!(sql, " SELECT {} AS written", required.join(" + "));
    if tells {
        let _ = write!(sql, ", CAST(pg_notify('{CHANNEL}', '') AS TEXT) AS told");
    }
    Ok((sql, arguments))
}
