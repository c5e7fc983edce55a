//! Writes that can be gathered: a statement takes any number of rows as one JSON array, so that one text serves one row
//! and a hundred, and several statements go to the database at once. How the two databases take them is below this.

use std::fmt::Write as _;

use sqlx::{Any, AnyConnection, Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Type, any::AnyArguments};
use tokio_stream::StreamExt as _;

use super::{
    Dialect, Error, api_calls, columns::get, customers, events, operations, payment_intents, payment_methods, refunds,
};

mod postgres;
mod sqlite;

pub(super) use sqlite::TOGETHER as SQLITE_TOGETHER;

/// A statement that writes rows.
pub(super) struct Statement {
    /// The columns of a row, in the order of a [`RowValues`]'s values.
    pub(super) columns: &'static [(&'static str, ColumnType)],
    /// `{rows}` stands for the rows, as a table of the name `new`. In the statement for events `{position}` stands for
    /// each one's place in their order.
    pub(super) sql: &'static str,
}

/// The type of a column: text, a number, or bytes; each may be NULL.
#[derive(Clone, Copy)]
pub(super) enum ColumnType {
    Text,
    Int,
    Bytes,
}

/// The order in which statements that go together are run, and so in which rows are locked: payment intents before
/// operations that end, and the sequence of events after everything else.
static ORDER: [&Statement; 13] = [
    &operations::INSERT,
    &customers::INSERT,
    &customers::UPDATE,
    &payment_intents::INSERT,
    &payment_intents::UPDATE,
    &payment_methods::INSERT,
    &payment_methods::UPDATE,
    &refunds::INSERT,
    &refunds::UPDATE,
    &operations::RENEW,
    &operations::FINISH,
    &api_calls::INSERT,
    &events::INSERT,
];

/// One row of one statement.
pub(super) struct Write {
    pub(super) statement: &'static Statement,
    /// The id of the row in its table.
    pub(super) id: String,
    row: RowValues,
}

/// The values of a row. Bytes have no JSON: all rows' bytes travel as one value, and the JSON says which of them belong to
/// which row.
#[derive(Default)]
pub(super) struct RowValues {
    /// The elements of its array, each with a comma before it.
    json: String,
    bytes: Vec<u8>,
}

/// A value of a row.
pub(super) trait Value {
    fn push_to(&self, row: &mut RowValues);
}

impl RowValues {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The row with one more value.
    #[must_use]
    pub(super) fn and(mut self, value: impl Value) -> Self {
        value.push_to(&mut self);
        self
    }
}

impl Value for &str {
    fn push_to(&self, row: &mut RowValues) {
        row.json.push(',');
        // A text always has a JSON.
        row.json.push_str(&serde_json::to_string(self).unwrap_or_default());
    }
}

impl Value for i64 {
    fn push_to(&self, row: &mut RowValues) {
        // Writing to a string does not fail.
        let _ = write!(row.json, ",{self}");
    }
}

impl Value for &[u8] {
    fn push_to(&self, row: &mut RowValues) {
        let _ = write!(row.json, ",[{},{}]", row.bytes.len(), self.len());
        row.bytes.extend_from_slice(self);
    }
}

impl<V: Value> Value for Option<V> {
    fn push_to(&self, row: &mut RowValues) {
        match self {
            Some(value) => value.push_to(row),
            None => row.json.push_str(",null"),
        }
    }
}

impl Write {
    pub(super) fn new(statement: &'static Statement, id: &str, row: RowValues) -> Self {
        Self { statement, id: id.to_owned(), row }
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.row.json.len() + self.row.bytes.len()
    }

    pub(super) fn is_of(&self, statement: &'static Statement) -> bool {
        std::ptr::eq(self.statement, statement)
    }
}

/// The check of a batch: whether each of its rows must be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowCheck {
    /// Every row of every statement is written; where one is not, the batch fails.
    Required,
    /// Whatever comes of it is counted.
    Counted,
}

/// The rows of one statement among those that go together.
#[derive(Clone)]
struct StatementRows {
    statement: &'static Statement,
    /// The rows as a JSON array of arrays: first where a row's bytes begin among those of all, then its values; for bytes,
    /// where in the row's they begin, and how many they are.
    rows: String,
    bytes: Vec<u8>,
    count: i64,
}

/// A batch of statements that are run one after the other; with [`RowCheck::Required`] it is a single statement.
pub(super) struct Batch(Vec<BatchStep>);

struct BatchStep {
    sql: String,
    arguments: AnyArguments,
}

impl Batch {
    /// The statements of `writes`, in their order.
    pub(super) fn of<'a>(
        dialect: Dialect,
        writes: impl IntoIterator<Item = &'a Write> + Clone,
        fit: RowCheck,
    ) -> Result<Self, Error> {
        let parts = ORDER.iter().filter_map(|statement| part(statement, writes.clone()));
        match (dialect, fit) {
            (Dialect::Sqlite, RowCheck::Required) => Ok(Self(vec![sqlite::together(parts)?])),
            (Dialect::Sqlite, RowCheck::Counted) => Ok(Self(sqlite::one_by_one(parts)?)),
            (Dialect::Postgres, _) => Ok(Self(vec![postgres::together(parts, fit)?])),
        }
    }

    /// One statement as it stands.
    #[cfg(test)]
    pub(super) fn plain(sql: &str) -> Self {
        Self(vec![BatchStep { sql: sql.to_owned(), arguments: AnyArguments::default() }])
    }

    /// Runs it, and returns how many rows were written, as far as they are counted.
    pub(super) async fn run(self, on: &mut AnyConnection) -> Result<u64, Error> {
        let (mut changed, mut told) = (0, None);
        for BatchStep { sql, arguments } in self.0 {
            let mut outcomes = on.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
            while let Some(outcome) = outcomes.next().await {
                match outcome? {
                    Either::Left(outcome) => changed += outcome.rows_affected(),
                    // PostgreSQL tells what the parts of its one statement have written.
                    Either::Right(row) => told = Some(get::<i64>(&row, "written")?.unsigned_abs()),
                }
            }
        }
        Ok(told.unwrap_or(changed))
    }
}

/// Whether a database's error has the code of a row that was required and not written: SQLite's of a trigger that raises it,
/// or the one that `require_rows` gives in PostgreSQL.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "1811" | "GW001")
}

fn part<'a>(statement: &'static Statement, writes: impl IntoIterator<Item = &'a Write>) -> Option<StatementRows> {
    let mut part = StatementRows { statement, rows: String::from("["), bytes: Vec::new(), count: 0 };
    for Write { row, .. } in writes.into_iter().filter(|write| write.is_of(statement)) {
        let comma = if part.count > 0 { "," } else { "" };
        let _ = write!(part.rows, "{comma}[{}{}]", part.bytes.len(), row.json);
        part.bytes.extend_from_slice(&row.bytes);
        part.count += 1;
    }
    part.rows.push(']');
    (part.count > 0).then_some(part)
}

fn add<'q, T: Encode<'q, Any> + Type<Any> + 'q>(arguments: &mut AnyArguments, value: T) -> Result<(), Error> {
    Ok(arguments.add(value).map_err(sqlx::Error::Encode)?)
}

impl Statement {
    fn is_of_events(&self) -> bool {
        std::ptr::eq(self, &events::INSERT)
    }

    /// The columns, each as `read` has it of the place among the elements of a row.
    fn columns(&self, read: impl Fn(usize, ColumnType) -> String) -> String {
        let column =
            |(place, (name, kind)): (usize, &(&str, ColumnType))| format!("{} AS {name}", read(place + 1, *kind));
        self.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
    }
}
