//! The rows of all tables as statements, and how they come into a database of an earlier version.

use std::{fmt::Write as _, path::PathBuf};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, SqliteConnection, migrate::Migrator};

use crate::support::database::{Backend, TestDatabase};

async fn migrator(backend: Backend, last: i64) -> Migrator {
    let folder = match backend {
        Backend::Sqlite => "migrations/sqlite",
        Backend::Postgres => "migrations/postgres",
    };
    let mut migrator = Migrator::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)).await.unwrap();
    migrator.migrations.to_mut().retain(|migration| migration.version <= last);
    migrator
}

/// The number of the newest migration.
pub async fn last_migration(backend: Backend) -> i64 {
    migrator(backend, i64::MAX).await.migrations.iter().map(|migration| migration.version).max().unwrap()
}

/// The checksums of the migrations up to `last`, in hexadecimal digits.
pub async fn checksums(backend: Backend, last: i64) -> Vec<String> {
    let migrator = migrator(backend, last).await;
    migrator.migrations.iter().map(|migration| base16ct::lower::encode_string(&migration.checksum)).collect()
}

/// Makes the tables as they were after the migration `last`. Returns the checksums of the migrations.
pub async fn migrate(database: &TestDatabase, last: i64) -> Vec<String> {
    if let Some(path) = database.url().strip_prefix("sqlite://") {
        std::fs::write(path, "").unwrap();
    }
    let backend = database.backend();
    let mut connection = connect(database).await;
    migrator(backend, last).await.run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    checksums(backend, last).await
}

/// Replaces everything in the database by the rows.
pub async fn load(database: &TestDatabase, rows: &str) {
    let rows = match database.backend() {
        Backend::Sqlite => rows.to_owned(),
        Backend::Postgres => rows.replace("X'", "'\\x"),
    };
    let mut connection = connect(database).await;
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn connect(database: &TestDatabase) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(database.url()).await.unwrap()
}

/// The rows of a database of SQLite, as statements that both databases understand but for the bytes, `X'…'`.
pub async fn dump(database: &TestDatabase) -> String {
    let mut connection = SqliteConnection::connect(database.url()).await.unwrap();
    let tables =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_sqlx%'
         ESCAPE '\\' ORDER BY rowid";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let deletions: String = tables.iter().rev().map(|table| format!("DELETE FROM {table};\n")).collect();
    let mut rows = String::new();
    for table in tables {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns: Vec<String> = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_all(&mut connection).await.unwrap();
        let values = columns.iter().map(|column| format!("quote({column})")).collect::<Vec<_>>().join(" || ', ' || ");
        let select = format!("SELECT {values} AS row FROM {table} ORDER BY 1");
        for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap() {
            let values: String = row.get("row");
            writeln!(rows, "INSERT INTO {table} ({}) VALUES ({values});", columns.join(", ")).unwrap();
        }
    }
    deletions + &rows
}
