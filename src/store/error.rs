//! Errors between the gateway and the database.

use std::{io, sync::Arc};

use sqlx::error::ErrorKind;

use super::lost;

/// Why the store could not do as asked. Conflicts that mean something are answers, not errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or not in time. Nothing that was not committed happened.
    #[error("the database did not answer: {}", plain(.0))]
    Unavailable(#[source] sqlx::Error),
    /// The database did not say whether what was to be committed stands: the connection broke, or it took too long. Whoever
    /// committed has to find out before anything follows from it.
    #[error("the database did not say whether a commit stands: {}", plain(.0))]
    Uncertain(#[source] sqlx::Error),
    /// No connection to the database could be made. Says where it was looked for, and why not.
    #[error("{0}")]
    Unreachable(String),
    /// No master key that is set opens the database.
    #[error("this is not the master key under which the database is sealed")]
    MasterKey,
    /// The master key is being changed, and one of the two is not set.
    #[error("is needed until `master-key rotate` has ended: what is stored is sealed under two master keys")]
    OtherMasterKey,
    /// A row that this program could not have written, or that was sealed under another master key.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(Corruption),
    /// A row breaks a rule of the database, such as that no more is refunded than was received: a fault
    /// of this program. Nothing was written, and trying again will not help.
    #[error("the database refused a row that breaks its rules: {0}")]
    RuleBroken(String),
}

/// The fault of a stored row.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Corruption {
    /// A value of it says nothing to this program.
    #[error("{0}")]
    Value(String),
    /// The sealed part of the row with this id does not open.
    #[error("{0} was sealed under another master key, or altered")]
    Sealed(String),
    /// The sealed part of the row has a format that this version does not know.
    #[error("{owner} is sealed in format {format}, which this version does not know")]
    Format {
        /// The row's id.
        owner: String,
        /// The number of the format.
        format: u8,
    },
    /// A sealed column of the row does not fit what this version expects: another version wrote it.
    #[error("{column} of {owner} was written by another version: {why}")]
    Shape {
        /// The row's id.
        owner: String,
        /// The column.
        column: String,
        /// The member or word that does not fit.
        why: String,
    },
}

impl Error {
    /// A row is corrupt because of a value in it.
    pub(super) fn corrupt(why: impl Into<String>) -> Self {
        Self::Corrupt(Corruption::Value(why.into()))
    }

    /// The task that would have answered has ended, as when the gateway shuts down.
    pub(super) fn gone() -> Self {
        Self::Unavailable(sqlx::Error::WorkerCrashed)
    }

    /// The error of a statement that commits, where only the database's own word proves that nothing stands. PostgreSQL may
    /// also end a session after the commit and before its answer.
    pub(super) fn of_commit(error: Self) -> Self {
        match error {
            Self::Unavailable(sqlx::Error::Database(told))
                if !told.code().is_some_and(|code| SESSION_CLASSES.iter().any(|class| code.starts_with(class))) =>
            {
                Self::Unavailable(sqlx::Error::Database(told))
            }
            Self::Unavailable(error) => Self::Uncertain(error),
            told => told,
        }
    }

    /// The error in a few words, without anything private.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Unavailable(error) | Self::Uncertain(error) => in_words(error),
            Self::Unreachable(_) => SILENT,
            Self::MasterKey | Self::OtherMasterKey => "the database is sealed under another master key",
            Self::Corrupt(_) | Self::RuleBroken(_) => "the database has not what this gateway expects",
        }
    }

    /// Whether it is about the rows that were to be written, and not about the database: others can be written.
    pub(crate) fn is_of_its_rows(&self) -> bool {
        match self {
            Self::RuleBroken(_) => true,
            Self::Unavailable(sqlx::Error::Database(error)) => error.code().is_some_and(|code| is_of_rows(&code)),
            Self::Unavailable(_) | Self::Uncertain(_) | Self::Unreachable(_) => false,
            Self::MasterKey | Self::OtherMasterKey | Self::Corrupt(_) => false,
        }
    }

    /// The same error for each of several callers that wait for one answer.
    pub(crate) fn share(self) -> impl Fn() -> Self {
        let shared = Arc::new(self);
        move || match &*shared {
            Self::MasterKey => Self::MasterKey,
            Self::OtherMasterKey => Self::OtherMasterKey,
            Self::Corrupt(why) => Self::Corrupt(why.clone()),
            Self::RuleBroken(why) => Self::RuleBroken(why.clone()),
            Self::Unreachable(why) => Self::Unreachable(why.clone()),
            Self::Unavailable(_) => Self::Unavailable(sqlx::Error::Io(io::Error::other(shared.clone()))),
            Self::Uncertain(_) => Self::Uncertain(sqlx::Error::Io(io::Error::other(shared.clone()))),
        }
    }
}

/// The cause in the driver's error, once: the driver puts words of its own before it, and where in PostgreSQL's source it arose
/// behind it; what several share is wrapped in another of ours.
fn plain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(cause) | sqlx::Error::Tls(cause) => cause.to_string(),
        sqlx::Error::Database(told) => told.message().to_owned(),
        sqlx::Error::Io(cause) => {
            match cause.get_ref().and_then(|inner| inner.downcast_ref::<Arc<Error>>()).map(AsRef::as_ref) {
                Some(Error::Unavailable(shared) | Error::Uncertain(shared)) => plain(shared),
                Some(shared) => shared.to_string(),
                None => cause.to_string(),
            }
        }
        other => other.to_string(),
    }
}

/// PostgreSQL's classes of errors that end a session: of connections, and of an operator who stops them.
const SESSION_CLASSES: [&str; 2] = ["08", "57P"];

fn in_words(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Database(error) => code_in_words(error.code().as_deref().unwrap_or_default()),
        // An error that several calls share is wrapped.
        sqlx::Error::Io(error) => {
            let shared = error.get_ref().and_then(|inner| inner.downcast_ref::<Arc<Error>>());
            shared.map_or(SILENT, |error| error.in_words())
        }
        _ => SILENT,
    }
}

/// Nothing came from the database.
const SILENT: &str = "the database does not answer";

/// An error code of SQLite, whose lowest byte says what kind it is, or of PostgreSQL.
fn code_in_words(code: &str) -> &'static str {
    let sqlite = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|number| number & 0xff);
    match (sqlite, code) {
        (Some(5 | 6), _) => "another process has locked the database",
        (Some(8), _) | (_, "25006") => "the database is read-only",
        (Some(10), _) | (_, "58030") => "the database's disk fails",
        (Some(13), _) | (_, "53100") => "the database's disk is full",
        (Some(14), _) => "the database's file cannot be opened",
        (Some(11 | 26), _) => "the database's file is damaged",
        (_, "53300") => "the database has no connection left",
        (_, "55P03" | "57014") => "the database is locked or too slow",
        (_, "57P01" | "57P02" | "57P03") => "the database is stopping or starting",
        _ => "the database refuses to write",
    }
}

/// Whether a database's error code is about the rows that were to be written or about others that hold them: SQLite's of a
/// constraint (19, with what it is about above the lowest byte); PostgreSQL's classes of data, constraints, transactions
/// that were in each other's way, locks, statements that took too long, and of functions of our own. Everything else, a
/// full disk among it, is about the database, where nothing can be written.
fn is_of_rows(code: &str) -> bool {
    match code.parse::<u32>() {
        // SQLite's codes are at most four digits long, PostgreSQL's have five characters.
        Ok(number) if code.len() < 5 => number & 0xff == SQLITE_CONSTRAINT,
        _ => code == QUERY_CANCELED || ROW_CLASSES.iter().any(|class| code.starts_with(class)),
    }
}

/// SQLite's primary code of a constraint that was broken.
const SQLITE_CONSTRAINT: u32 = 19;
/// PostgreSQL's code of a statement that took longer than it may.
const QUERY_CANCELED: &str = "57014";
/// PostgreSQL's classes of errors that are about rows: data, constraints, conflicts, locks, and our own.
const ROW_CLASSES: [&str; 6] = ["22", "23", "40", "55", "P0", "GW"];

impl From<sqlx::Error> for Error {
    /// Notes sessions that are lost on the way: every error of the database comes by here.
    fn from(error: sqlx::Error) -> Self {
        lost::note(&error);
        match lost::explain(error) {
            sqlx::Error::ColumnDecode { index, source } => Self::corrupt(format!("column {index}: {source}")),
            sqlx::Error::ColumnNotFound(column) => Self::corrupt(format!("no column {column}")),
            sqlx::Error::Database(error) if !matches!(error.kind(), ErrorKind::Other) => {
                Self::RuleBroken(error.message().to_owned())
            }
            other => Self::Unavailable(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_however_often_it_was_shared() {
        let cause = || Error::Unavailable(sqlx::Error::Configuration("the port is no number".into()));
        assert_eq!(cause().to_string(), "the database did not answer: the port is no number");
        let shared = cause().share()();
        let again = shared.share()();
        assert_eq!(again.to_string(), "the database did not answer: the port is no number");
        let broken = Error::Uncertain(sqlx::Error::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(broken.to_string(), "the database did not say whether a commit stands: connection reset");
        let rule = Error::RuleBroken("no more than was received".to_owned()).share()();
        assert_eq!(rule.to_string(), "the database refused a row that breaks its rules: no more than was received");
    }

    #[test]
    fn a_database_that_cannot_write_is_told_from_rows_that_cannot_be_written() {
        // A constraint, a trigger; a row's lock, a statement that took too long, a row that does not fit.
        for code in ["19", "1811", "787", "23505", "55P03", "40P01", "57014", "GW001", "22P02"] {
            assert!(is_of_rows(code), "{code}");
        }
        // Busy, no memory, read-only, disk fails, disk full, cannot be opened; and PostgreSQL's like.
        for code in
            ["5", "7", "8", "10", "778", "13", "14", "25006", "53100", "53200", "57P01", "58030", "08006", "XX000"]
        {
            assert!(!is_of_rows(code), "{code}");
        }
    }
}
