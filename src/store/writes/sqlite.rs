//! Statements that go to SQLite together: as one text, a transaction with its COMMIT, which costs one turn of the connection's
//! thread. After each, a check stops the text when fewer rows were written than have to be.

use std::sync::LazyLock;

use sqlx::{AnyConnection, AssertSqlSafe, Executor as _, any::AnyArguments};
use tokio_stream::StreamExt as _;

use super::{
    ColumnType, Rank, Statement,
    row::{StatementRows, add},
    statements::statement,
};
use crate::store::{CommitError, Error};

/// The statements by rank. There are few combinations of them, so that each text is prepared once and kept.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| Rank::ALL.iter().map(|rank| text(statement(*rank))).collect());

/// Writes all rows, or none.
pub(super) async fn write(parts: Vec<StatementRows>, on: &mut AnyConnection) -> Result<(), CommitError> {
    let written = run(together(parts)?, on).await;
    // After another error the connection is not used again.
    if written.as_ref().is_err_and(CommitError::is_of_its_rows) {
        on.execute("ROLLBACK").await.map_err(Error::from)?;
    }
    written
}

/// Statements that go together.
struct Script {
    sql: String,
    arguments: AnyArguments,
    /// For each statement, the rank that it checks, if it is a check.
    checks: Vec<Option<Rank>>,
}

async fn run(script: Script, on: &mut AnyConnection) -> Result<(), CommitError> {
    let mut results = on.fetch_many(sqlx::query_with(AssertSqlSafe(script.sql), script.arguments));
    let mut checks = script.checks.into_iter();
    while let Some(result) = results.next().await {
        let check = checks.next().flatten();
        match (result.map_err(Error::from), check) {
            (Ok(_), _) => {}
            (Err(Error::RuleBroken(_)), Some(rank)) => return Err(rank.conflict().into()),
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The transaction that writes `parts`.
fn together(parts: Vec<StatementRows>) -> Result<Script, Error> {
    let mut script = Script { sql: String::new(), arguments: AnyArguments::default(), checks: Vec::new() };
    script.add("BEGIN IMMEDIATE", None);
    for (part, places) in parts.into_iter().zip(0_usize..) {
        let [rows, bytes, count] = [1, 2, 3].map(|place| format!("${}", 3 * places + place));
        let text = TEXTS[part.rank as usize].replace("{elements}", &rows).replace("{bytes}", &bytes);
        script.add(&text, None);
        if part.rank.requires_rows() {
            let check = format!("INSERT INTO misfits SELECT changes() WHERE changes() <> {count}");
            script.add(&check, Some(part.rank));
        }
        if statement(part.rank).is_of_events() {
            script.add(&format!("UPDATE event_sequence SET last = last + {count} WHERE id = 1"), None);
        }
        add(&mut script.arguments, part.rows)?;
        add(&mut script.arguments, part.bytes)?;
        add(&mut script.arguments, part.count)?;
    }
    script.add("COMMIT", None);
    Ok(script)
}

impl Script {
    fn add(&mut self, sql: &str, check: Option<Rank>) {
        self.sql.push_str(sql);
        self.sql.push(';');
        self.checks.push(check);
    }
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
