//! PostgreSQL's VACUUM of what erasures rewrite. SQLite overwrites what is deleted.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::time::timeout;

use super::{Error, Store, columns::get, dialect::acquire};

/// The tables that erasures rewrite.
const TABLES: [&str; 10] = [
    "customers",
    "payment_methods",
    "payment_intents",
    "refunds",
    "events",
    "operations",
    "api_calls",
    "risk_decisions",
    "risk_reviews",
    "search_terms",
];
/// How long the server may take for all of them. What is not done by then is left to its own vacuum.
const LIMIT: Duration = Duration::from_secs(1800);

/// The outcome of a vacuum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vacuumed {
    /// All tables were vacuumed.
    Done,
    /// The database needs none.
    NotNeeded,
    /// The role may not vacuum these tables, of which none was.
    Refused(String),
}

impl Store {
    /// Vacuums the tables that erasures rewrite, each by itself, outside of a transaction and on a connection of its own.
    pub async fn vacuum_erased(&self) -> Result<Vacuumed, Error> {
        if self.shared.dialect.has_one_writer() {
            return Ok(Vacuumed::NotNeeded);
        }
        let refused = self.not_ours().await?;
        if !refused.is_empty() {
            return Ok(Vacuumed::Refused(refused.join(", ")));
        }
        // It is closed afterwards: nobody else's statements may take as long.
        let mut connection = acquire(&self.writer).await?.detach();
        let work = async {
            connection.execute(AssertSqlSafe(format!("SET statement_timeout = {}", LIMIT.as_millis()))).await?;
            for table in TABLES {
                connection.execute(AssertSqlSafe(format!("VACUUM {table}"))).await?;
            }
            connection.close().await
        };
        timeout(LIMIT, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        Ok(Vacuumed::Done)
    }

    /// The tables that the role does not own: the server would pass them over with a warning.
    async fn not_ours(&self) -> Result<Vec<String>, Error> {
        let tables = TABLES.map(|table| format!("to_regclass('{table}')")).join(", ");
        let sql = format!(
            "SELECT CAST(relname AS TEXT) AS name FROM pg_class WHERE oid IN ({tables})
             AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname"
        );
        let rows = self.fetch(sqlx::query(AssertSqlSafe(sql))).await?;
        rows.iter().map(|row| get(row, "name")).collect()
    }
}
