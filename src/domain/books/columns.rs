//! Columns: each has a name, a type, and the way in which its value is read from an object, so that none can be without the others.

use super::cell::{Cell, ColumnType};

/// The heading of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ColumnType,
    /// Whether every row has a value.
    pub is_required: bool,
}

/// A column of rows that are made of `T`.
pub(super) struct Column<T: 'static> {
    heading: Heading,
    cell: for<'a> fn(&'a T) -> Cell<'a>,
}

impl<T> Column<T> {
    /// One of which every row has a value.
    pub(super) const fn always(name: &'static str, kind: ColumnType, cell: for<'a> fn(&'a T) -> Cell<'a>) -> Self {
        Self { heading: Heading { name, kind, is_required: true }, cell }
    }

    /// One of which a row may lack the value.
    pub(super) const fn maybe(name: &'static str, kind: ColumnType, cell: for<'a> fn(&'a T) -> Cell<'a>) -> Self {
        Self { heading: Heading { name, kind, is_required: false }, cell }
    }
}

/// The headings of columns.
pub(super) fn headings<T>(columns: &[Column<T>]) -> Vec<Heading> {
    columns.iter().map(|column| column.heading).collect()
}

/// The row of an object.
pub(super) fn cells<'a, T>(columns: &[Column<T>], object: &'a T) -> Vec<Cell<'a>> {
    columns.iter().map(|column| (column.cell)(object)).collect()
}
