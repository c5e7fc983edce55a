//! The first connection to a database, made before there is a pool, which would say only that the time was over.

use std::{io, str::FromStr as _, time::Duration};

use sqlx::{AnyConnection, Connection as _, Executor as _, any::AnyConnectOptions, error::DatabaseError};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Error,
    address::place,
    lost::{self, CONNECT_TIMEOUT},
    pooler,
};

/// How long to wait before a server that is just starting is asked again.
const KNOCK_PAUSE: Duration = Duration::from_millis(200);

/// How long to wait before SQLite's file is tried again that another process prepares or leaves.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Opens a file once with these settings.
pub(super) async fn with_sqlite(url: &str, settings: &'static str) -> Result<(), sqlx::Error> {
    let began = Instant::now();
    loop {
        match open(url, settings).await {
            // Another process prepares or leaves the file at this moment: SQLite says so at once, whatever it was told to wait.
            Err(error) if is_busy(&error) && began.elapsed() < CONNECT_TIMEOUT => sleep(BUSY_PAUSE).await,
            tried => return tried,
        }
    }
}

/// Whether another process has SQLite's file: code 5, with more about it above the lowest byte.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

async fn open(url: &str, settings: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect_with(&AnyConnectOptions::from_str(url)?).await?;
    let opened = connection.execute(settings).await.map(|_| ());
    let _ = connection.close().await;
    opened
}

/// Connects once, and waits for a server that is just starting.
pub(super) async fn with_postgres(url: &str) -> Result<(), Error> {
    let options = AnyConnectOptions::from_str(url)?;
    let began = Instant::now();
    let refused = loop {
        let left = CONNECT_TIMEOUT.saturating_sub(began.elapsed());
        match timeout(left, AnyConnection::connect_with(&options)).await {
            Ok(Ok(mut connection)) => {
                let writable = lost::require_writable(&mut connection).await;
                let _ = connection.close().await;
                break writable.err().map(|error| error.to_string());
            }
            Ok(Err(error)) if is_starting(&error) && left > KNOCK_PAUSE => sleep(KNOCK_PAUSE).await,
            Ok(Err(error)) => break Some(error.to_string()),
            Err(_) => break Some(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
        }
    };
    let Some(why) = refused else { return Ok(()) };
    let advice = if why.contains("startup parameter") { format!("; {}", pooler::ADVICE) } else { String::new() };
    Err(Error::Unreachable(format!("{} cannot be used: {why}{advice}", place(url))))
}

/// Whether a server may be there in a moment.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}
