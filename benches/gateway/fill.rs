//! A database that has grown: copies of the rows of one finished payment, under ids older than all that are real.

use std::path::Path;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

/// Rows that are copied in one transaction.
const BATCH: u32 = 100_000;

/// The statements that copy rows of `payment_intents`, `operations` and `events`.
const COPIES: [&str; 3] = [
    "INSERT INTO payment_intents (id, partner_id, upstream_id, upstream_payment_id, state, currency, amount, received, refunded,
         refund_pending, charged_back, customer_id, reference_id, details, progress, upstream_version, asked_at, poll_at,
         created_at, updated_at)
     SELECT 'pi_' || {n}, partner_id, 'copy_' || {n}, 'paid_' || {n}, state, currency, amount, received, refunded,
         refund_pending, charged_back, customer_id, NULL, details, progress, upstream_version, asked_at, NULL,
         created_at, updated_at
     FROM {series}, (SELECT * FROM payment_intents WHERE state = 'succeeded' ORDER BY id DESC LIMIT 1) AS one",
    "INSERT INTO operations (id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until, next_check_at,
         sent_at, finished_at, misses, baseline, idempotency_key, fingerprint, answer, request_id)
     SELECT 'op_' || {n}, partner_id, kind, 'pi_' || {n}, 'pi_' || {n}, state, epoch, lease_until, NULL,
         sent_at, finished_at, misses, baseline, 'copy_' || {n}, fingerprint, answer, request_id
     FROM {series}, (SELECT * FROM operations WHERE state = 'done' ORDER BY id DESC LIMIT 1) AS one",
    "INSERT INTO events (id, partner_id, type, object_id, object, created_at, position)
     SELECT 'evt_' || {n}, partner_id, type, 'pi_' || {n}, object, created_at, -{i}
     FROM {series}, (SELECT * FROM events ORDER BY id DESC LIMIT 1) AS one",
];

/// A place for databases.
#[derive(Clone, Copy)]
pub enum Server<'a> {
    Sqlite,
    /// At this URL.
    Postgres(&'a str),
}

impl Server<'_> {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Makes an empty database, and answers with its URL; one of SQLite's is a file of this name in `dir`.
    pub async fn new_database(self, name: &str, dir: &Path) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite => Ok(format!("sqlite://{}", dir.join(format!("{name}.db")).display())),
            Self::Postgres(server) => create_database(server).await,
        }
    }
}

/// Makes an empty database on `server`, and answers with its URL.
pub async fn create_database(server: &str) -> Result<String, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
    let mut connection = AnyConnection::connect(server).await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
    Ok(format!("{base}/{name}"))
}

/// Copies a payment until there are `rows` more, then has the database look at what it has.
pub async fn fill(database: &str, rows: u32) -> Result<(), sqlx::Error> {
    copy(database, &COPIES, rows).await?;
    settle(database).await
}

/// Runs statements that copy a row until each has made `rows` more. In them `{n}` is the number of the copy as 32 hexadecimal
/// digits, `{i}` the number as it is, and `{series}` what numbers them.
pub async fn copy(database: &str, copies: &[&str], rows: u32) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await?;
    let is_sqlite = database.starts_with("sqlite");
    for first in (1..=rows).step_by(BATCH as usize) {
        let last = (first + BATCH - 1).min(rows);
        let (digits, series) = if is_sqlite {
            let numbers =
                format!("WITH RECURSIVE c(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM c WHERE i < {last})");
            ("printf('%032x', i)", format!("({numbers} SELECT i FROM c) AS series"))
        } else {
            ("lpad(to_hex(i), 32, '0')", format!("generate_series({first}, {last}) AS series (i)"))
        };
        for copy in copies {
            let sql = copy.replace("{n}", digits).replace("{i}", "i").replace("{series}", &series);
            connection.execute(AssertSqlSafe(sql)).await?;
        }
        anstream::eprint!("{last} of {rows} rows \r");
    }
    connection.close().await
}

/// Has the database write what it has to its tables, and look at it.
pub async fn settle(database: &str) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await?;
    let is_sqlite = database.starts_with("sqlite");
    connection.execute(if is_sqlite { "PRAGMA wal_checkpoint(TRUNCATE)" } else { "CHECKPOINT" }).await?;
    connection.execute("ANALYZE").await?;
    connection.close().await
}
