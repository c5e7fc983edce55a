//! How the database stands: its migrations, its settings and its clock. For the operator's commands.

use sqlx::{AnyConnection, Row as _};

use super::{Dialect, Error, Store, address, lock_step::Pace, open::connect};
use crate::domain::clock::Timestamp;

/// The migrations that a database has had, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The applied ones, in order.
    pub applied: Vec<i64>,
    /// The ones this program knows, in order.
    pub known: Vec<i64>,
}

impl Schema {
    /// The newest migration that the database has had; 0 when it is empty.
    pub fn version(&self) -> i64 {
        self.applied.last().copied().unwrap_or_default()
    }

    /// The migrations that are still to be applied.
    pub fn missing(&self) -> Vec<i64> {
        self.known.iter().copied().filter(|version| !self.applied.contains(version)).collect()
    }

    /// The migrations that a newer program has applied.
    pub fn foreign(&self) -> Vec<i64> {
        self.applied.iter().copied().filter(|version| !self.known.contains(version)).collect()
    }
}

/// A setting of the database, by the name the database has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// The value without which a commit may be lost; `None` when any will do.
    pub required: Option<&'static str>,
}

/// Brings the database at `url` up to date, and returns how it stood before.
pub async fn migrate(url: &str) -> Result<Schema, Error> {
    let (dialect, writer, reader) = connect(&address::for_driver(url)?, 1, Pace::Free).await?;
    let before = dialect.schema(&mut *writer.acquire().await?).await?;
    dialect.migrate(&writer).await?;
    reader.close().await;
    writer.close().await;
    Ok(before)
}

impl Store {
    /// How far the database is migrated.
    pub async fn schema(&self) -> Result<Schema, Error> {
        self.shared.dialect.schema(&mut *self.reader.acquire().await?).await
    }

    /// Fails when nothing can be written. Writes nothing.
    pub async fn try_write(&self) -> Result<(), Error> {
        self.execute(sqlx::query("UPDATE partners SET name = name WHERE id = ''")).await.map(drop)
    }

    /// The settings that durability hangs on, as they are in force where we write.
    pub async fn settings(&self) -> Result<Vec<Setting>, Error> {
        let mut settings = Vec::new();
        for (name, sql, required) in self.shared.dialect.durability() {
            for row in self.fetch(sqlx::query(*sql)).await? {
                settings.push(Setting { name, value: row.try_get(0)?, required: *required });
            }
        }
        Ok(settings)
    }

    /// The database's clock. `None` when it has none of its own.
    pub async fn clock(&self) -> Result<Option<Timestamp>, Error> {
        match self.shared.dialect {
            Dialect::Sqlite => Ok(None),
            dialect @ Dialect::Postgres => {
                let row = sqlx::query(dialect.clock()).fetch_one(&mut *self.reader.acquire().await?).await?;
                Ok(Some(Timestamp(row.try_get(0)?)))
            }
        }
    }
}

impl Dialect {
    pub(super) async fn schema(self, connection: &mut AnyConnection) -> Result<Schema, Error> {
        let exists = match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Self::Postgres => "SELECT COUNT(to_regclass('_sqlx_migrations'))",
        };
        let tables: i64 = sqlx::query(exists).fetch_one(&mut *connection).await?.try_get(0)?;
        let mut applied = Vec::new();
        if tables > 0 {
            let sql = "SELECT version FROM _sqlx_migrations ORDER BY version";
            for row in sqlx::query(sql).fetch_all(connection).await? {
                applied.push(row.try_get(0)?);
            }
        }
        Ok(Schema { applied, known: self.migrator().iter().map(|migration| migration.version).collect() })
    }

    /// Name, how to read it as text, and the value it must have.
    fn durability(self) -> &'static [(&'static str, &'static str, Option<&'static str>)] {
        match self {
            Self::Sqlite => &[
                ("version", "SELECT sqlite_version()", None),
                ("journal_mode", "SELECT journal_mode FROM pragma_journal_mode", Some("wal")),
                ("synchronous", "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", Some("2")),
            ],
            Self::Postgres => &[
                ("version", "SELECT current_setting('server_version')", None),
                ("synchronous_commit", "SELECT current_setting('synchronous_commit')", Some("on")),
                ("fsync", "SELECT current_setting('fsync')", Some("on")),
                ("full_page_writes", "SELECT current_setting('full_page_writes')", Some("on")),
            ],
        }
    }
}
