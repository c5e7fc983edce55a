//! Statements that go to SQLite together: as one text, which costs one turn of the connection's thread. Whether they stand is
//! decided by the number of rows that each has written.

use std::{fmt::Write as _, sync::LazyLock};

use sqlx::{AnyConnection, AssertSqlSafe, Either, Executor as _, any::AnyArguments};
use tokio_stream::StreamExt as _;

use super::{ColumnType, Rank, Statement, StatementRows, add};
use crate::store::{CommitError, Error};

/// The statements by rank. There are few combinations of them, so that each text is prepared once and kept.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| Rank::ALL.iter().map(|rank| text(rank.statement())).collect());

/// Writes all rows, or none.
pub(super) async fn write(parts: Vec<StatementRows>, on: &mut AnyConnection) -> Result<(), CommitError> {
    let mut written = run(parts, on).await;
    if written.is_ok() {
        written = on.execute("COMMIT").await.map(drop).map_err(|error| Error::from(error).into());
    }
    // After another error the connection is not used again.
    if written.as_ref().is_err_and(CommitError::is_of_its_rows) {
        on.execute("ROLLBACK").await.map_err(Error::from)?;
    }
    written
}

/// Runs the statements of a transaction. The first that does not write its rows names the conflict.
async fn run(parts: Vec<StatementRows>, on: &mut AnyConnection) -> Result<(), CommitError> {
    let (sql, arguments, required) = together(parts)?;
    let mut results = on.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
    let (mut required, mut misfit) = (required.into_iter(), None);
    while let Some(result) = results.next().await {
        let Either::Left(result) = result.map_err(Error::from)? else { continue };
        if let Some(Some((rank, count))) = required.next()
            && i64::try_from(result.rows_affected()) != Ok(count)
        {
            misfit = misfit.or(Some(rank));
        }
    }
    misfit.map_or(Ok(()), |rank| Err(rank.conflict().into()))
}

/// For each statement, the rank that it is of and the number of rows that it has to write, if any.
type Required = Vec<Option<(Rank, i64)>>;

/// The text, its values, and what has to be written.
fn together(parts: Vec<StatementRows>) -> Result<(String, AnyArguments, Required), Error> {
    let (mut sql, mut arguments, mut required) = ("BEGIN IMMEDIATE".to_owned(), AnyArguments::default(), vec![None]);
    for (part, places) in parts.into_iter().zip(0_usize..) {
        let [rows, bytes, count] = [1, 2, 3].map(|place| format!("${}", 3 * places + place));
        let text = TEXTS[part.rank as usize].replace("{elements}", &rows).replace("{bytes}", &bytes);
        // Writing to a string does not fail.
        let _ = write!(sql, "; {text}");
        required.push(part.rank.requires_rows().then_some((part.rank, part.count)));
        if part.rank.statement().is_of_events() {
            let _ = write!(sql, "; UPDATE event_sequence SET last = last + {count} WHERE id = 1");
            required.push(None);
        }
        add(&mut arguments, part.rows)?;
        add(&mut arguments, part.bytes)?;
        add(&mut arguments, part.count)?;
    }
    Ok((sql, arguments, required))
}

/// A statement, which takes its rows and their bytes as `{elements}` and `{bytes}`.
fn text(statement: &Statement) -> String {
    let columns = statement.columns(|place, kind| match kind {
        ColumnType::Text | ColumnType::Int => format!("row ->> {place}"),
        ColumnType::Bytes => {
            format!("substr({{bytes}}, 1 + (row ->> 0) + (row ->> '$[{place}][0]'), row ->> '$[{place}][1]')")
        }
    });
    // Otherwise each column would write the JSON of the whole row anew.
    let rows = "row AS MATERIALIZED (SELECT key AS place, value AS row FROM json_each({elements}))";
    let table = format!("(WITH {rows} SELECT place, {columns} FROM row) AS new");
    let position = "(SELECT last FROM event_sequence WHERE id = 1) + 1 + new.place";
    statement.sql.replace("{rows}", &table).replace("{position}", position)
}
