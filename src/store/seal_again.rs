//! Sealing again, under the master key that is set now, what is sealed under the other one.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, any::AnyRow};

use super::{Dialect, Error, Sealer, Store, columns::get, error::Corruption, hash_keys, upkeep::in_time};

/// A table with sealed columns. What is sealed in a row belongs to the row's `id`.
#[derive(Debug)]
pub struct SealedTable {
    /// Its name.
    pub name: &'static str,
    /// Its sealed columns.
    columns: &'static [&'static str],
}

/// All tables with sealed columns, but for that of the hash key.
pub static SEALED_TABLES: [SealedTable; 8] = [
    SealedTable { name: "customers", columns: &["details"] },
    SealedTable { name: "payment_methods", columns: &["card", "card_at_corefy"] },
    SealedTable { name: "payment_intents", columns: &["details", "progress", "upstream_state"] },
    SealedTable { name: "refunds", columns: &["details", "failure"] },
    SealedTable { name: "operations", columns: &["answer"] },
    SealedTable { name: "events", columns: &["object"] },
    SealedTable { name: "api_calls", columns: &["exchange"] },
    SealedTable { name: "risk_decisions", columns: &["record"] },
];

/// The outcome for some rows of a table, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedAgain {
    /// The id of the last of them; `None`: there are no more.
    pub last: Option<String>,
    /// How many rows were looked at.
    pub read: u64,
    /// How many values were sealed again.
    pub sealed: u64,
    /// The values that open under neither key, as `events.object of evt_…`: damaged ones, which stay as they are.
    pub damaged: Vec<String>,
}

/// A value to be sealed again. It is written only where it is still what was read: whoever changed it meanwhile has sealed it.
struct Resealed {
    id: String,
    column: &'static str,
    was: Vec<u8>,
    is: Vec<u8>,
}

impl Store {
    /// Looks at `limit` rows of a table behind the one with the id `after`, and seals again what is sealed under the other master key: on
    /// SQLite in one transaction, on PostgreSQL value by value.
    ///
    /// # Errors
    /// Also where a newer version has sealed a value in a form that this one does not know.
    pub async fn seal_again(&self, table: &SealedTable, after: &str, limit: u32) -> Result<SealedAgain, Error> {
        let columns = table.columns.join(", ");
        let sql = format!("SELECT id, {columns} FROM {} WHERE id > $1 ORDER BY id LIMIT +$2", table.name);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after.to_owned()).bind(i64::from(limit));
        let rows = query.fetch_all(self.read().await?.connection()).await?;
        let mut again = SealedAgain { read: rows.len() as u64, ..SealedAgain::default() };
        let mut values = Vec::new();
        for row in &rows {
            again.last = Some(get(row, "id")?);
            values.extend(resealed(row, table, &self.shared.sealer, &mut again.damaged)?);
        }
        if !values.is_empty() {
            again.sealed = self.write_sealed(table, &values).await?;
        }
        Ok(again)
    }

    /// Has the other master key open this database no more.
    pub async fn forget_other_master_key(&self) -> Result<(), Error> {
        let mut on = self.upkeep().await?;
        let forgetting = hash_keys::forget_others(on.connection(), &self.shared.sealer);
        let forgotten = in_time(self.shared.pace.keep(forgetting)).await;
        on.end(forgotten).await
    }

    async fn write_sealed(&self, table: &SealedTable, values: &[Resealed]) -> Result<u64, Error> {
        let mut on = self.upkeep().await?;
        let writing = write(on.connection(), self.shared.dialect, table, values);
        let written = in_time(self.shared.pace.keep(writing)).await;
        on.end(written).await
    }
}

fn resealed(
    row: &AnyRow,
    table: &SealedTable,
    sealer: &Sealer,
    damaged: &mut Vec<String>,
) -> Result<Vec<Resealed>, Error> {
    let id: String = get(row, "id")?;
    let mut values = Vec::new();
    for column in table.columns {
        let Some(was) = get::<Option<Vec<u8>>>(row, column)? else { continue };
        match sealer.seal_again(&id, column, &was) {
            Ok(Some(is)) => values.push(Resealed { id: id.clone(), column, was, is }),
            Ok(None) => {}
            Err(Error::Corrupt(Corruption::Sealed(_))) => damaged.push(format!("{}.{column} of {id}", table.name)),
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

async fn write(
    on: &mut AnyConnection,
    dialect: Dialect,
    table: &SealedTable,
    values: &[Resealed],
) -> Result<u64, Error> {
    let mut written = 0;
    if !dialect.has_one_writer() {
        // Each by itself: holding one row while waiting for the next could end in a deadlock with a gateway's commit.
        for value in values {
            written += value.write(on, table).await?;
        }
        return Ok(written);
    }
    let mut tx = on.begin_with(dialect.beginning()).await?;
    for value in values {
        written += value.write(&mut tx, table).await?;
    }
    tx.commit().await?;
    Ok(written)
}

impl Resealed {
    async fn write(&self, on: &mut AnyConnection, table: &SealedTable) -> Result<u64, Error> {
        let Self { id, column, was, is } = self;
        let sql = format!("UPDATE {} SET {column} = $1 WHERE id = $2 AND {column} = $3", table.name);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(is.clone()).bind(id.clone()).bind(was.clone());
        Ok(query.execute(on).await?.rows_affected())
    }
}
