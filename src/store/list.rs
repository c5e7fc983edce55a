//! Lists of rows, of which one that cannot be read does not hide the others: it is left out, logged and counted.

use sqlx::{Any, Decode, Type, any::AnyRow};

use super::{
    Error, Sealer, Session, StoreContext, columns::get, error::Corruption, list_query::ListQuery, session::Connected,
};
use crate::telemetry::catalogue::UNREADABLE_ROWS;

/// Rows that are read at least when a list goes on behind rows that were left out.
const LEAST_BATCH: u32 = 20;

/// How the rows of a list are found and in which order.
pub(super) struct Listing {
    /// The table.
    pub(super) table: &'static str,
    /// The column by which the list is ordered and continued.
    pub(super) key: &'static str,
    /// The same as SQL has it.
    pub(super) order: &'static str,
}

impl Listing {
    /// The newest rows of `table` first: ids ascend with time.
    pub(super) fn newest(table: &'static str) -> Self {
        Self { table, key: "id", order: "id DESC" }
    }
}

/// Reads a row, opening what is sealed in it.
pub(super) type ReadRow<T> = fn(&AnyRow, &Sealer) -> Result<T, Error>;

impl<C: Connected> Session<C> {
    /// The first `limit` readable rows of a list, so that a short answer is the end of it. `select` makes the query, of
    /// what follows the key that it is given.
    pub(super) async fn list<K, T>(
        &mut self,
        listing: Listing,
        limit: u32,
        select: impl Fn(Option<K>) -> Result<ListQuery, Error>,
        read: ReadRow<T>,
    ) -> Result<Vec<T>, Error>
    where
        K: for<'r> Decode<'r, Any> + Type<Any>,
    {
        let (mut found, mut after, mut batch) = (Vec::new(), None, limit);
        loop {
            let rows = select(after.take())?.fetch(self.connection().await?, listing.order, batch).await?;
            found.extend(self.shared.readable(listing.table, &rows, read)?);
            let is_last = rows.len() < batch as usize;
            match rows.last() {
                Some(last) if !is_last && found.len() < limit as usize => after = Some(get(last, listing.key)?),
                _ => break,
            }
            batch = limit.max(LEAST_BATCH);
        }
        found.truncate(limit as usize);
        Ok(found)
    }
}

impl StoreContext {
    /// Those of `rows` that can be read. Fails when none can be opened: then it is the master key that is wrong, and not a
    /// row, and an empty list would be a lie.
    pub(super) fn readable<T>(&self, table: &'static str, rows: &[AnyRow], read: ReadRow<T>) -> Result<Vec<T>, Error> {
        let mut found = Vec::with_capacity(rows.len());
        let mut sealed = None;
        for row in rows {
            match read(row, &self.sealer) {
                Ok(item) => found.push(item),
                Err(Error::Corrupt(corruption)) => {
                    self.report_unreadable(table, row, &corruption);
                    sealed = Some(corruption)
                        .filter(|found| matches!(found, Corruption::Sealed(_) | Corruption::Format { .. }))
                        .or(sealed);
                }
                Err(other) => return Err(other),
            }
        }
        match sealed {
            Some(sealed) if found.is_empty() => Err(Error::Corrupt(sealed)),
            _ => Ok(found),
        }
    }

    fn report_unreadable(&self, table: &'static str, row: &AnyRow, error: &Corruption) {
        let id: String = get(row, "id").unwrap_or_default();
        tracing::error!(table, row = %id, %error, "a stored row is left out of a list because it cannot be read");
        self.telemetry.count(&UNREADABLE_ROWS, [table]);
    }
}
