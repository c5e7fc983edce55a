//! Every difference between SQLite and PostgreSQL, but for how each takes rows to be written (`writes/`). All other SQL in
//! this folder is written once.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Any, AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Pool, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    pool::{PoolConnection, PoolConnectionMetadata},
};
use tokio::time::timeout;

use super::{
    Error,
    address::{file_error, sqlite_file},
    first_contact,
    lock_step::Pace,
    lost::{self, CONNECT_TIMEOUT},
};

/// How long a caller waits for a connection before the store counts as unavailable: mostly nothing was sent yet, and a quick
/// refusal serves a caller better.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1800);

/// A connection that was idle for no longer is used without being asked first.
pub(super) const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long PostgreSQL may take for a batch of commits or of reads by id, which takes milliseconds. A connection that says
/// nothing for longer, or a server that is that slow, delays the calls behind the batch by no more: it is given up, its commits
/// are [`Error::Uncertain`], its reads are made again, and the next batch has another connection. Somewhat less than the time
/// after which a call that has sent nothing is refused, so that calls outlast a silent connection.
const ANSWER_LIMIT: Duration = Duration::from_millis(1500);

/// The same of SQLite, where another connection would wait for the same disk.
const SQLITE_ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// How long PostgreSQL may take for a statement of upkeep: longer than it lets a statement run.
pub(super) const UPKEEP_LIMIT: Duration = Duration::from_secs(15);

/// How long a connection that was idle may take to say that it stands.
pub(super) const FIT_LIMIT: Duration = Duration::from_millis(500);

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one process.
    Sqlite,
    /// A server, any number of replicas.
    Postgres,
}

/// The most connections that read from SQLite: each has a thread and pages of its own.
const SQLITE_READERS: u32 = 10;

/// Settings of every SQLite connection. WAL and FULL make a commit durable before it is answered. The data by which a
/// statement is undone stays in memory: it is worth nothing after a crash. The log is moved into the file by `checkpointer.rs`.
const SQLITE_PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
     PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 1000;
     PRAGMA wal_autocheckpoint = 0;";
/// How long the start waits for another process that migrates the same file, and for how long calls wait for one that has
/// locked it: a command of the gateway's holds it for milliseconds.
const SQLITE_PATIENT: &str = "PRAGMA busy_timeout = 10000";
pub(super) const SQLITE_HASTY: &str = "PRAGMA busy_timeout = 1000";
/// Settings of every PostgreSQL connection. All rows are reached by an index: a plan that was made while a table was
/// small must not go through all of it when it has grown.
const POSTGRES_SETTINGS: &str =
    "SET synchronous_commit = on; SET statement_timeout = '10s'; SET lock_timeout = '1500ms';
     SET idle_in_transaction_session_timeout = '30s';
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
     SET plan_cache_mode = force_generic_plan;";

/// The settings of the connection that commits, beside those. A row that another transaction holds for longer delays only the
/// commits that need it: the others of a batch wait seven times this long at most, while it is halved down to those.
const POSTGRES_COMMIT_SETTINGS: &str = "SET lock_timeout = '100ms'";

impl Dialect {
    /// By the scheme of the database's URL.
    pub fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The file of an SQLite database.
    pub fn file(url: &str) -> Option<PathBuf> {
        sqlite_file(url)
    }

    /// Connects: the pool that writes, and the one that only reads. SQLite has one writer by nature; with PostgreSQL
    /// both are the same.
    pub(super) async fn connect(
        self,
        url: &str,
        connections: u32,
        pace: Pace,
    ) -> Result<(Pool<Any>, Pool<Any>), Error> {
        match self {
            Self::Sqlite => {
                let path = Self::file(url).unwrap_or_default();
                create_private_file(&path).map_err(|error| file_error(&path, &error))?;
                first_contact::with_sqlite(url, SQLITE_PRAGMAS).await.map_err(|error| file_error(&path, &error))?;
                let writer = self.pool(url, 1, pace.clone()).await?;
                let mut connection = writer.acquire().await?;
                verify_sqlite(&mut connection).await?;
                give_back(connection).await;
                Ok((writer, self.pool(url, connections.min(SQLITE_READERS), pace).await?))
            }
            Self::Postgres => {
                first_contact::with_postgres(url).await?;
                let pool = self.pool(url, connections, pace).await?;
                Ok((pool.clone(), pool))
            }
        }
    }

    /// The name of the pool that reads.
    pub(super) fn reading(self) -> &'static str {
        match self {
            Self::Sqlite => "read",
            Self::Postgres => "all",
        }
    }

    /// The name of the pool that writes.
    pub(super) fn writing(self) -> &'static str {
        match self {
            Self::Sqlite => "write",
            Self::Postgres => "all",
        }
    }

    /// Connects once more, for one task alone.
    pub(super) async fn connect_apart(self, url: &str, pace: Pace) -> Result<Pool<Any>, Error> {
        self.pool(url, 1, pace).await
    }

    /// Connects once more, to commit; SQLite's writer writes them, too.
    pub(super) async fn connect_for_commits(self, url: &str, writer: &Pool<Any>) -> Result<Pool<Any>, Error> {
        match self {
            Self::Sqlite => Ok(writer.clone()),
            Self::Postgres => self.pool_with(url, 1, Pace::Free, &[POSTGRES_SETTINGS, POSTGRES_COMMIT_SETTINGS]).await,
        }
    }

    /// How long a batch may take.
    pub(super) fn answer_limit(self) -> Duration {
        match self {
            Self::Sqlite => SQLITE_ANSWER_LIMIT,
            Self::Postgres => ANSWER_LIMIT,
        }
    }

    /// Whether a connection of a pool may be used: one that was in use just now is believed to stand.
    async fn is_still_fit(
        self,
        connection: &mut AnyConnection,
        past: PoolConnectionMetadata,
    ) -> Result<bool, sqlx::Error> {
        match self {
            Self::Postgres if lost::is_younger_than(past.age) => Ok(false),
            _ if past.idle_for <= TRUSTED_IDLE => Ok(true),
            _ => self.is_fit(connection).await,
        }
    }

    /// Whether a connection stands, and can write.
    pub(super) async fn is_fit(self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite => connection.ping().await.map(|()| true),
            Self::Postgres => {
                let silent = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
                timeout(FIT_LIMIT, lost::can_write(connection)).await.unwrap_or_else(silent)
            }
        }
    }

    async fn pool(self, url: &str, connections: u32, pace: Pace) -> Result<Pool<Any>, Error> {
        let settings = match self {
            Self::Sqlite => SQLITE_PRAGMAS,
            Self::Postgres => POSTGRES_SETTINGS,
        };
        self.pool_with(url, connections, pace, &[settings]).await
    }

    async fn pool_with(self, url: &str, connections: u32, pace: Pace, settings: &[&str]) -> Result<Pool<Any>, Error> {
        let settings: Arc<str> = settings.join("; ").into();
        // Idleness is by the time of day, on which a simulation must not depend.
        let is_believed = pace.is_lock_step();
        let options = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, past| {
                Box::pin(async move { Ok(is_believed || self.is_still_fit(connection, past).await?) })
            })
            .after_connect(move |connection: &mut AnyConnection, _| {
                let settings = settings.to_string();
                Box::pin(async move {
                    connection.execute(AssertSqlSafe(settings)).await?;
                    if self == Self::Postgres { lost::require_writable(connection).await } else { Ok(()) }
                })
            });
        let options = if pace.is_lock_step() { options.idle_timeout(None).max_lifetime(None) } else { options };
        let pool = options.connect_with(AnyConnectOptions::from_str(url)?).await?;
        if pace.is_lock_step() {
            open_all(&pool, connections).await?;
        }
        Ok(pool)
    }

    /// Begins a transaction that writes. SQLite's takes the write lock at once: one that reads first cannot take it later while
    /// another process holds it.
    pub(super) fn beginning(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// `select`, with the rows it finds locked until the end of the transaction. SQLite has one writer, which owns them all.
    pub(super) fn locking(self, select: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self {
            Self::Sqlite => select.to_owned(),
            Self::Postgres => format!("{select} FOR UPDATE"),
        })
    }

    /// `update`, whose `{claim}` stands for a subselect of ids that other replicas do not wait for.
    pub(super) fn claiming(self, update: &str, subselect: &str) -> AssertSqlSafe<String> {
        let suffix = match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        };
        AssertSqlSafe(update.replace("{claim}", &format!("{subselect}{suffix}")))
    }

    /// Brings the database up to date. One process at a time: SQLite's write lock is held throughout; PostgreSQL has an
    /// advisory lock for it, which `sqlx` takes.
    pub(super) async fn migrate(self, pool: &Pool<Any>) -> Result<(), Error> {
        let failed = |error: MigrateError| Error::Unavailable(error.into());
        match self {
            Self::Sqlite => {
                let mut connection = pool.acquire().await?;
                connection.execute(SQLITE_PATIENT).await?;
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                // Not `run`, whose future cannot be sent between threads.
                self.migrator().run_direct(None, &mut *transaction, false).await.map_err(failed)?;
                transaction.commit().await?;
                connection.execute(SQLITE_HASTY).await?;
                give_back(connection).await;
                Ok(())
            }
            Self::Postgres => {
                let mut connection = pool.acquire().await?;
                connection.execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
                self.migrator().run_direct(None, &mut *connection, false).await.map_err(failed)?;
                connection.execute(POSTGRES_SETTINGS).await?;
                Ok(())
            }
        }
    }

    /// Whether one transaction writes at a time.
    pub(super) fn has_one_writer(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Postgres => false,
        }
    }

    /// Changes a number in the head of SQLite's file that nobody reads, to some 31 bits of `number`.
    pub(super) fn changing_the_head(self, number: u128) -> Option<AssertSqlSafe<String>> {
        match self {
            Self::Sqlite => Some(AssertSqlSafe(format!("PRAGMA user_version = {}", number & 0x7fff_ffff))),
            Self::Postgres => None,
        }
    }

    /// Reads the time by the database's clock, as `now`.
    pub(super) fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) AS now",
            Self::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now",
        }
    }

    /// The elements of the JSON array `$1`, as texts.
    pub(super) fn elements(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT value FROM json_each($1)",
            Self::Postgres => "SELECT value FROM jsonb_array_elements_text(CAST($1 AS JSONB))",
        }
    }

    /// The migrations, embedded; both databases have the same numbers.
    pub(super) fn migrator(self) -> Migrator {
        macro_rules! migration {
            ($version:literal, $name:literal, $file:literal) => {{
                let sql = match self {
                    Self::Sqlite => include_str!(concat!("../../migrations/sqlite/", $file)),
                    Self::Postgres => include_str!(concat!("../../migrations/postgres/", $file)),
                };
                let sql = sqlx::SqlStr::from_static(sql);
                Migration::new($version, $name.into(), MigrationType::Simple, sql, false)
            }};
        }
        Migrator::with_migrations(vec![
            migration!(1, "ground", "0001_ground.sql"),
            migration!(2, "event order", "0002_event_order.sql"),
            migration!(3, "api_calls", "0003_api_calls.sql"),
            migration!(4, "audit", "0004_audit.sql"),
            migration!(5, "backlog", "0005_backlog.sql"),
            migration!(6, "budget", "0006_budget.sql"),
            migration!(7, "drafts", "0007_drafts.sql"),
            migration!(8, "idempotency keys", "0008_idempotency_keys.sql"),
            migration!(9, "ended calls", "0009_ended_calls.sql"),
            migration!(10, "settled looks", "0010_settled_looks.sql"),
            migration!(11, "revisions", "0011_revisions.sql"),
            migration!(12, "list filters", "0012_list_filters.sql"),
            migration!(13, "event causes", "0013_event_causes.sql"),
            migration!(14, "list order", "0014_list_order.sql"),
            migration!(15, "changes", "0015_changes.sql"),
            migration!(16, "risk counters", "0016_risk_counters.sql"),
            migration!(17, "risk policy", "0017_risk_policy.sql"),
            migration!(18, "card subjects", "0018_card_subjects.sql"),
            migration!(19, "audit chain", "0019_audit_chain.sql"),
            migration!(20, "search", "0020_search.sql"),
            migration!(21, "people", "0021_people.sql"),
            migration!(23, "erasures", "0023_erasures.sql"),
            migration!(24, "payer erasures", "0024_payer_erasures.sql"),
            migration!(25, "search order", "0025_search_order.sql"),
            migration!(26, "people", "0026_people.sql"),
            migration!(27, "upstream state", "0027_upstream_state.sql"),
            migration!(28, "chargebacks", "0028_chargebacks.sql"),
            migration!(29, "hash keys", "0029_hash_keys.sql"),
        ])
    }
}

/// A connection of `pool`, within [`ACQUIRE_TIMEOUT`].
pub(super) async fn acquire(pool: &Pool<Any>) -> Result<PoolConnection<Any>, sqlx::Error> {
    in_time(pool.acquire()).await
}

/// Opens every connection of a pool in lock step at once: what is opened later takes a moment in which others go on.
async fn open_all(pool: &Pool<Any>, connections: u32) -> Result<(), sqlx::Error> {
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(pool.acquire().await?);
    }
    for connection in opened {
        give_back(connection).await;
    }
    Ok(())
}

/// Gives a connection back here and now. When it is dropped, a task of the pool's does so, for which an opening in lock step would
/// wait for ever.
pub(super) async fn give_back(mut connection: PoolConnection<Any>) {
    connection.return_to_pool().await;
}

/// Waits for a pool at most [`ACQUIRE_TIMEOUT`].
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(ACQUIRE_TIMEOUT, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Reads the settings back: SQLite ignores a pragma it cannot honour.
async fn verify_sqlite(connection: &mut AnyConnection) -> Result<(), Error> {
    let mode: String = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await?.try_get(0)?;
    let synchronous: i64 = sqlx::query("PRAGMA synchronous").fetch_one(&mut *connection).await?.try_get(0)?;
    let foreign_keys: i64 = sqlx::query("PRAGMA foreign_keys").fetch_one(&mut *connection).await?.try_get(0)?;
    match (mode.as_str(), synchronous, foreign_keys) {
        ("wal", 2, 1) => Ok(()),
        found => Err(Error::Unavailable(sqlx::Error::Configuration(
            format!("SQLite did not accept WAL, synchronous=FULL and foreign keys, but has {found:?}").into(),
        ))),
    }
}

/// Creates the database file, readable by its owner alone, before SQLite would create it readable by all.
fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}
