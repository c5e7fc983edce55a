//! Writes that can be gathered: a statement takes any number of rows as one JSON array, so that one text serves one row
//! and a hundred, and several statements go to the database at once, each row of each of them counted.

use std::fmt::Write as _;

use sqlx::{Any, AnyConnection, Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Type, any::AnyArguments};
use tokio_stream::StreamExt as _;

use super::{
    Dialect, Error, api_calls, customers, event_signal::CHANNEL, events, operations, payment_intents, payment_methods,
    refunds, row::get,
};

/// A statement that writes rows.
pub(super) struct Statement {
    /// What a row has: the columns, in the order of a [`Row`]'s values.
    pub(super) columns: &'static [(&'static str, Kind)],
    /// `{rows}` stands for the rows, as a table of the name `new`. In the statement for events `{position}` stands for
    /// each one's place in their order.
    pub(super) sql: &'static str,
}

/// What a column has.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Int,
    Bytes,
}

/// The order in which statements that go together are run, and so in which rows are locked: payment intents before
/// operations that end, and the sequence of events after everything else.
static ORDER: [&Statement; 12] = [
    &operations::INSERT,
    &customers::INSERT,
    &customers::UPDATE,
    &payment_intents::INSERT,
    &payment_intents::UPDATE,
    &payment_methods::INSERT,
    &payment_methods::UPDATE,
    &refunds::INSERT,
    &refunds::UPDATE,
    &operations::FINISH,
    &api_calls::INSERT,
    &events::INSERT,
];

/// One row of one statement.
pub(super) struct Write {
    pub(super) statement: &'static Statement,
    /// The id of the row in its table.
    pub(super) id: String,
    row: Row,
}

/// The values of a row, as the JSON of an array that is not closed yet.
pub(super) struct Row(String);

/// A value of a row.
pub(super) trait Value {
    fn push_to(&self, json: &mut String);
}

impl Row {
    pub(super) fn new() -> Self {
        Self(String::from("["))
    }

    /// The row with one more value.
    #[must_use]
    pub(super) fn and(mut self, value: impl Value) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        value.push_to(&mut self.0);
        self
    }
}

impl Value for &str {
    fn push_to(&self, json: &mut String) {
        // A text always has a JSON.
        json.push_str(&serde_json::to_string(self).unwrap_or_default());
    }
}

impl Value for i64 {
    fn push_to(&self, json: &mut String) {
        // Writing to a string does not fail.
        let _ = write!(json, "{self}");
    }
}

impl Value for &[u8] {
    fn push_to(&self, json: &mut String) {
        json.push('"');
        json.push_str(&hex::encode(self));
        json.push('"');
    }
}

impl<V: Value> Value for Option<V> {
    fn push_to(&self, json: &mut String) {
        match self {
            Some(value) => value.push_to(json),
            None => json.push_str("null"),
        }
    }
}

impl Write {
    pub(super) fn new(statement: &'static Statement, id: &str, row: Row) -> Self {
        Self { statement, id: id.to_owned(), row }
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.row.0.len()
    }

    pub(super) fn is_of(&self, statement: &'static Statement) -> bool {
        std::ptr::eq(self.statement, statement)
    }
}

/// What is expected of statements that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Every row of every statement is written, or [`Error::Overtaken`] and nothing is.
    Required,
    /// Whatever comes of it is counted.
    Counted,
}

/// The rows of one statement among those that go together.
struct Part {
    statement: &'static Statement,
    /// The rows as a JSON array.
    rows: String,
    count: i64,
}

/// Runs all statements of `writes` at once, and answers how many rows were written in all.
pub(super) async fn run(
    on: &mut AnyConnection,
    dialect: Dialect,
    writes: impl IntoIterator<Item = &Write> + Clone,
    fit: Fit,
) -> Result<u64, Error> {
    let parts: Vec<_> = ORDER.iter().filter_map(|statement| part(statement, writes.clone())).collect();
    let written = match dialect {
        Dialect::Sqlite => run_on_sqlite(on, &parts, fit).await,
        Dialect::Postgres => run_on_postgres(on, &parts, fit).await,
    };
    written.map_err(|error| match (fit, error) {
        // Whatever the database has against it, the rows' own transactions will find out.
        (Fit::Required, Error::RuleBroken(_)) => Error::Overtaken,
        (Fit::Required, Error::Unavailable(sqlx::Error::Database(_))) => Error::Overtaken,
        (_, error) => error,
    })
}

fn part<'a>(statement: &'static Statement, writes: impl IntoIterator<Item = &'a Write>) -> Option<Part> {
    let mut part = Part { statement, rows: String::from("["), count: 0 };
    for write in writes.into_iter().filter(|write| write.is_of(statement)) {
        if part.count > 0 {
            part.rows.push(',');
        }
        part.rows.push_str(&write.row.0);
        part.rows.push(']');
        part.count += 1;
    }
    part.rows.push(']');
    (part.count > 0).then_some(part)
}

/// SQLite runs one statement after the other; `sqlx` takes them as one text with one set of places, and tells what came of
/// each, so that they cost one turn of its thread.
async fn run_on_sqlite(on: &mut AnyConnection, parts: &[Part], fit: Fit) -> Result<u64, Error> {
    let (mut sql, mut arguments, mut expected) = (String::new(), AnyArguments::default(), Vec::new());
    for (place, part) in parts.iter().enumerate() {
        let place = place + 1;
        if part.statement.is_of_events() {
            let _ = write!(sql, "UPDATE event_sequence SET last = last + json_array_length(${place}) WHERE id = 1; ");
            expected.push(1);
        }
        let position =
            format!("(SELECT last FROM event_sequence WHERE id = 1) - json_array_length(${place}) + 1 + new.place");
        let rows =
            format!("(SELECT key AS place, {} FROM json_each(${place})) AS new", part.statement.sqlite_columns());
        sql.push_str(&part.statement.sql.replace("{rows}", &rows).replace("{position}", &position));
        sql.push_str("; ");
        expected.push(part.count.unsigned_abs());
        add(&mut arguments, part.rows.clone())?;
    }
    let mut written = Vec::new();
    let mut outcomes = on.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
    while let Some(outcome) = outcomes.next().await {
        if let Either::Left(outcome) = outcome? {
            written.push(outcome.rows_affected());
        }
    }
    if fit == Fit::Required && written != expected {
        return Err(Error::Overtaken);
    }
    Ok(written.iter().sum())
}

/// PostgreSQL runs them as one statement, whose parts all see the database as it was before; so it costs one round trip,
/// and is a transaction where none is open.
async fn run_on_postgres(on: &mut AnyConnection, parts: &[Part], fit: Fit) -> Result<u64, Error> {
    let (mut sql, mut found, mut arguments) = (String::from("WITH "), Vec::new(), AnyArguments::default());
    for (place, part) in parts.iter().enumerate() {
        let (rows, count) = (2 * place + 1, 2 * place + 2);
        if part.statement.is_of_events() {
            // Asking for what was found before has everything else run, and locked, before.
            let before = if found.is_empty() { "0".to_owned() } else { found.join(" + ") };
            let _ = write!(
                sql,
                "sequence AS (UPDATE event_sequence SET last = last + ${count} WHERE id = 1 AND {before} >= 0
                     RETURNING last), "
            );
        }
        let position = format!("(SELECT last FROM sequence) - ${count} + new.place");
        let table = format!(
            "(SELECT ordinality AS place, {} FROM jsonb_array_elements(CAST(${rows} AS JSONB)) WITH ORDINALITY) AS new",
            part.statement.postgres_columns()
        );
        let statement = part.statement.sql.replace("{rows}", &table).replace("{position}", &position);
        let _ = write!(sql, "part{place} AS ({statement} RETURNING 1), ");
        found.push(format!("(SELECT COUNT(*) FROM part{place})"));
        add(&mut arguments, part.rows.clone())?;
        add(&mut arguments, part.count)?;
    }
    sql.truncate(sql.len() - ", ".len());
    let counted = match fit {
        Fit::Required => {
            let required = |(place, found)| format!("require_rows({found}, ${})", 2 * place + 2);
            found.iter().enumerate().map(required).collect::<Vec<_>>().join(" + ")
        }
        Fit::Counted => found.join(" + "),
    };
    let _ = write!(sql, " SELECT {counted} AS written");
    if parts.iter().any(|part| part.statement.is_of_events()) {
        let _ = write!(sql, ", CAST(pg_notify('{CHANNEL}', '') AS TEXT) AS told");
    }
    let row = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_one(on).await?;
    Ok(get::<i64>(&row, "written")?.unsigned_abs())
}

fn add<'q, T: Encode<'q, Any> + Type<Any> + 'q>(arguments: &mut AnyArguments, value: T) -> Result<(), Error> {
    Ok(arguments.add(value).map_err(sqlx::Error::Encode)?)
}

impl Statement {
    fn is_of_events(&self) -> bool {
        std::ptr::eq(self, &events::INSERT)
    }

    /// The columns of an element of a JSON array, for SQLite.
    fn sqlite_columns(&self) -> String {
        let column = |(place, (name, kind)): (usize, &(&str, Kind))| match kind {
            Kind::Text | Kind::Int => format!("value ->> {place} AS {name}"),
            Kind::Bytes => format!("unhex(value ->> {place}) AS {name}"),
        };
        self.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The same for PostgreSQL.
    fn postgres_columns(&self) -> String {
        let column = |(place, (name, kind)): (usize, &(&str, Kind))| match kind {
            Kind::Text => format!("value ->> {place} AS {name}"),
            Kind::Int => format!("CAST(value ->> {place} AS BIGINT) AS {name}"),
            Kind::Bytes => format!("decode(value ->> {place}, 'hex') AS {name}"),
        };
        self.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
    }
}
