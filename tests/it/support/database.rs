//! A fresh database for each test, in SQLite and in PostgreSQL.
//!
//! Write a test as `async fn its_name(database: TestDatabase)` and name it in [`on_both!`](crate::on_both): it then runs
//! as `its_name::on_sqlite` and `its_name::on_postgres`.

use std::{env, fs};

use corefy_gateway::{
    domain::{
        ids::Ids,
        master_key::{MasterKey, MasterKeys},
        randomness::Randomness,
    },
    store::{Error, Keyring, Store},
};
use secrecy::SecretString;
use sqlx::{AnyConnection, Connection as _, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// Names the PostgreSQL server of the tests, with a user that may create databases.
const POSTGRES_URL: &str = "TEST_POSTGRES_URL";
/// Connections of a store: fewer than most tests have tasks, so that waiting for one is tested too.
const CONNECTIONS: u32 = 8;

/// The two databases the gateway runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database of one test's own, gone when this is dropped.
pub struct TestDatabase {
    url: String,
    is_in_lock_step: bool,
    _place: Place,
}

/// Where the database is, and what removes it.
enum Place {
    Directory { _removed_when_dropped: TempDir },
    Server { url: String, name: String },
    Elsewhere,
}

impl TestDatabase {
    /// An empty database. `None`: there is no PostgreSQL server to make it on, and this is not CI.
    pub async fn new(backend: Backend) -> Option<Self> {
        match backend {
            Backend::Sqlite => Some(Self::in_a_file()),
            Backend::Postgres => match env::var(POSTGRES_URL) {
                Ok(server) => Some(Self::on_a_server(&server).await),
                Err(_) if env::var_os("CI").is_some() => {
                    panic!("{POSTGRES_URL} is not set: run the tests by `make test`, which starts a PostgreSQL server")
                }
                Err(_) => {
                    println!("skipped on PostgreSQL: {POSTGRES_URL} is not set");
                    None
                }
            },
        }
    }

    /// An empty database of SQLite in a directory of the test's own.
    pub fn in_directory(directory: &std::path::Path) -> Self {
        let url = format!("sqlite://{}", directory.join("gateway.db").display());
        Self { url, is_in_lock_step: false, _place: Place::Elsewhere }
    }

    /// A database of PostgreSQL that the test has made itself.
    pub fn at(url: String) -> Self {
        Self { url, is_in_lock_step: false, _place: Place::Elsewhere }
    }

    fn in_a_file() -> Self {
        Self::kept_in(tempfile::tempdir().unwrap())
    }

    /// An empty database of SQLite, in memory where the machine has a place for that, whose stores wait for it in lock step.
    pub fn in_lock_step() -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { is_in_lock_step: true, ..Self::kept_in(directory) }
    }

    /// The same with the content of another, as [`Self::raw`] returns it once that is closed.
    pub fn in_lock_step_with(content: &[u8]) -> Self {
        let database = Self::in_lock_step();
        fs::write(database.url.trim_start_matches("sqlite://"), content).unwrap();
        database
    }

    fn kept_in(directory: TempDir) -> Self {
        let url = format!("sqlite://{}", directory.path().join("gateway.db").display());
        Self { url, is_in_lock_step: false, _place: Place::Directory { _removed_when_dropped: directory } }
    }

    async fn on_a_server(server: &str) -> Self {
        let name = format!("t_{}", Uuid::now_v7().simple());
        execute(server, format!("CREATE DATABASE {name}")).await.unwrap();
        let mut url = url::Url::parse(server).unwrap();
        url.set_path(&name);
        Self { url: url.into(), is_in_lock_step: false, _place: Place::Server { url: server.to_owned(), name } }
    }

    /// Its URL, as the gateway is configured with it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The whole content, as in its files or in a dump of it.
    pub async fn raw(&self) -> Vec<u8> {
        match &self.url.strip_prefix("sqlite://") {
            Some(path) => {
                ["", "-wal", "-shm"].iter().flat_map(|end| fs::read(format!("{path}{end}"))).flatten().collect()
            }
            None => dump(&self.url).await.unwrap().into_bytes(),
        }
    }

    /// Copies it as a whole, as a back-up does: SQLite into a file, PostgreSQL into a schema of its own.
    pub async fn back_up(&self) -> BackUp {
        let directory = tempfile::tempdir().unwrap();
        if self.backend() == Backend::Sqlite {
            let copy = directory.path().join("copy.db");
            self.execute(&format!("VACUUM INTO '{}'", copy.display())).await;
            return BackUp { directory };
        }
        self.execute("CREATE SCHEMA back_up").await;
        self.for_each_table("CREATE TABLE back_up.{} AS TABLE public.{}").await;
        BackUp { directory }
    }

    /// Makes it what it was when the copy was made. No gateway runs on it meanwhile.
    pub async fn restore(&self, copy: &BackUp) {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                for end in ["", "-wal", "-shm"] {
                    fs::remove_file(format!("{path}{end}")).ok();
                }
                fs::copy(copy.directory.path().join("copy.db"), path).unwrap();
            }
            None => {
                self.for_each_table("TRUNCATE public.{} CASCADE").await;
                self.for_each_table("INSERT INTO public.{} SELECT * FROM back_up.{}").await;
            }
        }
    }

    /// Runs a statement of PostgreSQL for each table, without looking at references.
    async fn for_each_table(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
        let tables = sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await.unwrap();
        let statements = tables.iter().map(|table| sql.replace("{}", table)).collect::<Vec<_>>().join("; ");
        let sql = format!("SET session_replication_role = replica; {statements}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }

    /// Which of the two it is.
    pub fn backend(&self) -> Backend {
        if self.url.starts_with("sqlite:") { Backend::Sqlite } else { Backend::Postgres }
    }

    /// The same database of PostgreSQL, reached by way of `address`.
    pub fn behind(mut self, address: std::net::SocketAddr) -> Self {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        self.url = url.into();
        self
    }

    /// Runs a statement beside the gateway.
    pub async fn execute(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The texts that a query answers, one a row.
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await?;
        let texts = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(texts)
    }

    /// The number that a query of PostgreSQL answers.
    pub async fn count(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
    }

    /// Locks a row of PostgreSQL's payment intents, as a transaction of another does, until the connection is dropped.
    pub async fn lock_intent(&self, id: &str) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
        let lock = sqlx::query("SELECT id FROM payment_intents WHERE id = $1 FOR UPDATE").bind(id);
        lock.fetch_one(&mut connection).await.unwrap();
        connection
    }

    /// Alters the database of PostgreSQL itself, for the sessions that are opened from now on.
    pub async fn alter(&self, change: &str) {
        let Place::Server { url, name } = &self._place else { panic!("only PostgreSQL has such settings") };
        execute(url, format!("ALTER DATABASE {name} {change}")).await.unwrap();
    }

    /// Opens it, under [`master_key`]. May be called again, as a gateway does that is started again.
    pub async fn store(&self) -> Store {
        self.store_under(&master_key().into()).await
    }

    /// Opens it under other master keys.
    pub async fn store_under(&self, master_keys: &MasterKeys) -> Store {
        self.open_under(master_keys).await.unwrap()
    }

    /// The same where it may not open.
    pub async fn open_under(&self, master_keys: &MasterKeys) -> Result<Store, Error> {
        let keys = Keyring::new(master_keys, Randomness::system());
        if self.is_in_lock_step {
            return Store::open_in_lock_step(&self.url, CONNECTIONS, keys, Ids::system(), None);
        }
        Store::open(&self.url, CONNECTIONS, keys, Ids::system()).await
    }
}

/// A copy of a database.
pub struct BackUp {
    directory: TempDir,
}

/// The master key of all tests.
pub fn master_key() -> MasterKey {
    MasterKey::new(master_key_text())
}

/// The same as it is configured.
pub fn master_key_text() -> SecretString {
    "the-master-key-of-the-tests-0123456789".into()
}

impl Drop for Place {
    /// Drops the PostgreSQL database, even with open connections, as far as that is possible: the server lives no
    /// longer than the tests. In a thread of its own, because the test's runtime cannot be waited for from within.
    fn drop(&mut self) {
        let Self::Server { url, name } = self else { return };
        let (url, sql) = (url.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(&url, sql)).ok()).ok()
        });
        dropping.join().ok();
    }
}

/// Every row of every table, as text.
async fn dump(url: &str) -> Result<String, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut rows = Vec::new();
    for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await? {
        let sql = format!("SELECT row_of::text FROM {table} row_of");
        rows.extend(sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await?);
    }
    connection.close().await?;
    Ok(rows.join("\n"))
}

async fn execute(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

/// Makes three tests of each function named: those of [`on_both!`], and one on SQLite in lock step.
#[macro_export]
macro_rules! on_three {
    ($($test:ident),* $(,)?) => {
        $crate::on_both![$($test),*];

        mod in_lock_step {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::support::database::TestDatabase::in_lock_step()).await;
                }
            )*
        }
    };
}

/// Makes two tests of each function named: one on SQLite, one on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use $crate::support::database::{Backend, TestDatabase};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                if let Some(database) = TestDatabase::new(Backend::Sqlite).await {
                    super::$test(database).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(database) = TestDatabase::new(Backend::Postgres).await {
                    super::$test(database).await;
                }
            }
        }
    )*};
}
