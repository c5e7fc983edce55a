//! How an object that a decision leaves behind is written: as the row of one of its table's three statements.

use super::{
    Error, Tracked,
    tracked::RowWrite,
    writes::{Rank, RowValues, Write},
};

/// The statements of a table of objects.
pub(super) struct ObjectRanks {
    pub(super) insert: Rank,
    pub(super) update: Rank,
    /// Takes the id, and the version as it was read.
    pub(super) delete: Rank,
}

/// The row that `object` needs, under its `id`: all of it, or what can change beside the version as it was read.
pub(super) fn object_write<T>(
    object: &Tracked<T>,
    id: &str,
    ranks: &ObjectRanks,
    insertion: impl FnOnce(&T) -> Result<RowValues, Error>,
    update: impl FnOnce(&T, i64) -> Result<RowValues, Error>,
) -> Result<Option<Write>, Error> {
    let (rank, row) = match object.row_write() {
        None => return Ok(None),
        Some(RowWrite::Insert) => (ranks.insert, insertion(object)?),
        Some(RowWrite::Update(version)) => (ranks.update, update(object, version)?),
        Some(RowWrite::Delete(version)) => (ranks.delete, RowValues::new().and(id).and(version)),
    };
    Ok(Some(Write::new(rank, id, row)))
}
