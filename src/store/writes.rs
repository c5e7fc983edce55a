//! Writes that can be gathered: a statement takes any number of rows as one JSON array, so that one text serves one row
//! and a hundred, and several statements go to the database at once. How the two databases take them is below this.

use sqlx::AnyConnection;

use super::{CommitError, Conflict, Dialect, Error};

mod postgres;
mod row;
mod sqlite;
mod statement;
mod statements;

pub(super) use row::{RowValues, Write};
pub(super) use statement::{ColumnType, Rank, Statement};

use row::part;

/// Writes rows together, each by the statement of its rank, in the order of the ranks: all of them, or, when one does not fit
/// that has to, none.
pub(super) async fn write_together<'a>(
    dialect: Dialect,
    writes: impl IntoIterator<Item = &'a Write> + Clone,
    on: &mut AnyConnection,
) -> Result<Result<(), Conflict>, Error> {
    let parts: Vec<_> = Rank::ALL.into_iter().filter_map(|rank| part(rank, writes.clone())).collect();
    let written = match dialect {
        Dialect::Sqlite => sqlite::write(parts, on).await,
        Dialect::Postgres => postgres::write(parts, on).await,
    };
    match written {
        Ok(()) => Ok(Ok(())),
        Err(CommitError::Conflict(conflict)) => Ok(Err(conflict)),
        Err(CommitError::Failed(error)) => Err(error),
    }
}
