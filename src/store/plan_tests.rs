//! Databases that have grown, for tests of how their rows are found.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, pool::PoolConnection};

use super::{Dialect, lock_step::Pace, open};

/// A database with many rows.
pub(super) struct Grown {
    pub(super) dialect: Dialect,
    pub(super) connection: PoolConnection<sqlx::Any>,
}

impl Grown {
    /// With the rows that these statements make, in which `{none}` stands for what is sealed.
    async fn at(url: &str, fill: &[&str]) -> Self {
        let (dialect, writer, _) = open::connect(url, 1, Pace::Free).await.unwrap();
        dialect.migrate(&writer).await.unwrap();
        let mut connection = writer.acquire().await.unwrap();
        let none = if dialect == Dialect::Sqlite { "X'00'" } else { "'\\x00'" };
        for sql in fill.iter().chain(&["ANALYZE"]) {
            sqlx::query(AssertSqlSafe(sql.replace("{none}", none))).execute(&mut *connection).await.unwrap();
        }
        Self { dialect, connection }
    }

    /// The words that ask for a plan, and the column that it is answered in.
    pub(super) fn explain(&self) -> (&'static str, &'static str) {
        match self.dialect {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
            Dialect::Postgres => ("EXPLAIN", "QUERY PLAN"),
        }
    }
}

/// Checks one on SQLite.
pub(super) async fn on_sqlite(fill: &[&str], check: impl AsyncFnOnce(&mut Grown)) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("grown.db").display());
    check(&mut Grown::at(&url, fill).await).await;
}

/// Checks one on PostgreSQL.
pub(super) async fn on_postgres(fill: &[&str], check: impl AsyncFnOnce(&mut Grown)) {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(std::env::var_os("CI").is_none(), "TEST_POSTGRES_URL is not set: run the tests by `make test`");
        return;
    };
    sqlx::any::install_default_drivers();
    let mut admin = AnyConnection::connect(&server).await.unwrap();
    let name = format!("grown_{}", uuid::Uuid::now_v7().simple());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    check(&mut Grown::at(url.as_str(), fill).await).await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut admin).await.unwrap();
}
