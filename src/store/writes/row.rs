//! Rows on their way to a statement, which takes any number of them as one JSON array.

use std::fmt::Write as _;

use sqlx::{Any, Arguments as _, Encode, Type, any::AnyArguments};

use super::Rank;
use crate::store::Error;

/// One row of one statement.
pub(in crate::store) struct Write {
    pub(in crate::store) rank: Rank,
    /// Names the row in its table: mostly its id.
    pub(in crate::store) id: String,
    row: RowValues,
}

/// The values of a row. Bytes have no JSON: all rows' bytes travel as one value, and the JSON says which of them belong to
/// which row.
#[derive(Default)]
pub(in crate::store) struct RowValues {
    /// The elements of its array, each with a comma before it.
    json: String,
    bytes: Vec<u8>,
}

/// A value of a row.
pub(in crate::store) trait Value {
    fn push_to(&self, row: &mut RowValues);
}

impl RowValues {
    pub(in crate::store) fn new() -> Self {
        Self::default()
    }

    /// The row with one more value.
    #[must_use]
    pub(in crate::store) fn and(mut self, value: impl Value) -> Self {
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
    pub(in crate::store) fn new(rank: Rank, id: &str, row: RowValues) -> Self {
        Self { rank, id: id.to_owned(), row }
    }

    /// Whether it may wait for others: no call waits for it.
    pub(in crate::store) fn is_patient(&self) -> bool {
        self.rank.is_patient()
    }

    /// How long it is, in bytes.
    pub(in crate::store) fn len(&self) -> usize {
        self.row.json.len() + self.row.bytes.len()
    }
}

/// The rows of one statement among those that go together.
pub(super) struct StatementRows {
    pub(super) rank: Rank,
    /// The rows as a JSON array of arrays: first where a row's bytes begin among those of all, then its values; for bytes,
    /// where in the row's they begin, and how many they are.
    pub(super) rows: String,
    pub(super) bytes: Vec<u8>,
    pub(super) count: i64,
}

/// The rows of one rank among `writes`, if there are any.
pub(super) fn part<'a>(rank: Rank, writes: impl IntoIterator<Item = &'a Write>) -> Option<StatementRows> {
    let mut part = StatementRows { rank, rows: String::from("["), bytes: Vec::new(), count: 0 };
    for Write { row, .. } in writes.into_iter().filter(|write| write.rank == rank) {
        let comma = if part.count > 0 { "," } else { "" };
        let _ = write!(part.rows, "{comma}[{}{}]", part.bytes.len(), row.json);
        part.bytes.extend_from_slice(&row.bytes);
        part.count += 1;
    }
    part.rows.push(']');
    (part.count > 0).then_some(part)
}

/// Adds a value to those of a statement.
pub(super) fn add<'q, T: Encode<'q, Any> + Type<Any> + 'q>(
    arguments: &mut AnyArguments,
    value: T,
) -> Result<(), Error> {
    Ok(arguments.add(value).map_err(sqlx::Error::Encode)?)
}
