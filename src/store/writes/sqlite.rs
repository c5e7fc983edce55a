//! Statements that go to SQLite together.

use std::{fmt::Write as _, sync::LazyLock};

use sqlx::any::AnyArguments;

use super::{Batch, ColumnType, Rank, Statement, StatementRows, add};
use crate::store::Error;

/// Prepares the writer's connection to run all statements as one: they are the program of a trigger, which an INSERT into a
/// view that has no rows sets off. As one statement they are a transaction where none is open, nothing of them stands when
/// one fails, and they cost one turn of the connection's thread.
pub(in crate::store) static TOGETHER: LazyLock<String> = LazyLock::new(|| {
    let (mut columns, mut program) = (Vec::new(), String::new());
    for rank in Rank::ALL {
        let place = rank as usize;
        let [rows, bytes, count] = names(place);
        let new = [&rows, &bytes, &count].map(|name| format!("NEW.{name}"));
        columns.extend([rows, bytes, count].map(|name| format!("NULL AS {name}")));
        for sql in texts(rank.statement(), &new) {
            let _ = write!(program, "{sql}; ");
        }
        if !rank.requires_rows() {
            continue;
        }
        let [_, _, count] = new;
        let _ = write!(program, "SELECT RAISE(ABORT, '{MISFIT} {place}') WHERE changes() <> COALESCE({count}, 0); ");
    }
    format!(
        "CREATE TEMP VIEW IF NOT EXISTS changes AS SELECT {};
         CREATE TEMP TRIGGER IF NOT EXISTS changes_together INSTEAD OF INSERT ON changes BEGIN {program} END;",
        columns.join(", ")
    )
});

/// The message of a row that does not fit; the rank of its statement follows.
const MISFIT: &str = "a change was made meanwhile; the gateway decides again, and nothing is lost: statement";

/// The columns of the view for the statement at this place: its rows, their bytes, and how many rows there are.
fn names(place: usize) -> [String; 3] {
    ["rows", "bytes", "count"].map(|what| format!("{what}{place}"))
}

/// Everything at once.
pub(super) fn together(parts: impl Iterator<Item = StatementRows>) -> Result<Batch, Error> {
    let (mut columns, mut arguments) = (Vec::new(), AnyArguments::default());
    for part in parts {
        columns.extend(names(part.rank as usize));
        bind(&mut arguments, part)?;
    }
    let places: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO changes ({}) VALUES ({})", columns.join(", "), places.join(", "));
    Ok(Batch { sql, arguments })
}

fn bind(arguments: &mut AnyArguments, part: StatementRows) -> Result<(), Error> {
    add(arguments, part.rows)?;
    add(arguments, part.bytes)?;
    add(arguments, part.count)
}

/// A statement, after the one that makes room for its rows where they have an order, with the names of what it takes.
fn texts(statement: &Statement, [rows, bytes, count]: &[String; 3]) -> Vec<String> {
    let columns = statement.columns(|place, kind| match kind {
        ColumnType::Text | ColumnType::Int => format!("row ->> {place}"),
        ColumnType::Bytes => {
            format!("substr({bytes}, 1 + (row ->> 0) + (row ->> '$[{place}][0]'), row ->> '$[{place}][1]')")
        }
    });
    // Otherwise each column would write the JSON of the whole row anew.
    let elements = format!("element AS MATERIALIZED (SELECT key AS place, value AS row FROM json_each({rows}))");
    let table = format!("(WITH {elements} SELECT place, {columns} FROM element) AS new");
    let position = format!("(SELECT last FROM event_sequence WHERE id = 1) - {count} + 1 + new.place");
    let sql = statement.sql.replace("{rows}", &table).replace("{position}", &position);
    let room = format!("UPDATE event_sequence SET last = last + {count} WHERE id = 1 AND {count} > 0");
    if statement.is_of_events() { vec![room, sql] } else { vec![sql] }
}
