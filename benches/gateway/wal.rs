//! The bytes that a database writes to its log ahead of its tables: a flush makes them durable, and PostgreSQL sends them to
//! its replicas.

use std::{error::Error, fs, path::PathBuf, time::Duration};

use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};
use tokio::time::sleep;

use crate::{contender::Contender, measure::Plan, work::Work};

/// How long after the last call its record is written to the log of calls at the latest.
const CALL_LOG: Duration = Duration::from_millis(500);

/// The log of a database, from now on.
struct Wal {
    connection: AnyConnection,
    /// The file of SQLite's.
    file: Option<PathBuf>,
}

/// The bytes for each creation, whatever else is written meanwhile: under each load of the plan, of each contender that has
/// a database.
pub async fn per_creation(contenders: &[Contender], plan: &Plan) -> Result<Vec<(usize, String, f64)>, Box<dyn Error>> {
    let loads = plan.cells.iter().filter(|(work, _)| *work == Work::Create).map(|(_, callers)| *callers);
    let mut rows = Vec::new();
    for callers in loads {
        for contender in contenders {
            let Some(database) = &contender.database else { continue };
            let bytes = creations(contender, database, callers, plan.length()).await?;
            rows.push((callers, contender.name.clone(), bytes));
        }
    }
    Ok(rows)
}

async fn creations(
    contender: &Contender,
    database: &str,
    callers: usize,
    length: Duration,
) -> Result<f64, Box<dyn Error>> {
    let mut wal = Wal::begin(database).await?;
    let before = wal.bytes().await?;
    let callers = contender.target.prepare(Work::Create, callers).await?;
    let round = contender.target.run(Work::Create, callers, length).await?;
    sleep(CALL_LOG).await;
    let written = wal.bytes().await? - before;
    wal.connection.close().await?;
    Ok(written as f64 / round.count as f64)
}

impl Wal {
    async fn begin(database: &str) -> Result<Self, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(database).await?;
        let file = database.strip_prefix("sqlite://").map(|path| PathBuf::from(format!("{path}-wal")));
        if file.is_some() {
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
            // While this transaction reads, the file is only appended to.
            connection.execute("BEGIN").await?;
            connection.execute("SELECT COUNT(*) FROM sqlite_schema").await?;
        }
        Ok(Self { connection, file })
    }

    /// The length of what was written, counted from some point in the past.
    async fn bytes(&mut self) -> Result<i64, Box<dyn Error>> {
        let Some(file) = &self.file else {
            let position = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::BIGINT";
            return Ok(self.connection.fetch_one(position).await?.try_get(0)?);
        };
        Ok(fs::metadata(file)?.len().cast_signed())
    }
}
