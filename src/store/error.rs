//! What can go wrong between us and the database.

use std::{io, sync::Arc};

use sqlx::error::ErrorKind;

/// Why the store could not do as asked. Conflicts that mean something are answers, not errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or not in time. Nothing that was not committed happened.
    #[error("the database did not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row that this program could not have written, or that was sealed under another master key.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
    /// What was to be written breaks a rule of the database, such as that no more is refunded than was received: a fault
    /// of this program. Nothing was written, and trying again will not help.
    #[error("the database refused a row that breaks its rules: {0}")]
    RuleBroken(String),
    /// A draft cannot stand: what it relied on has changed, or it is not of the kind that can be written with others.
    /// Nothing was written; the same is done again in a transaction of its own.
    #[error("a draft was overtaken; nothing of it was written")]
    Overtaken,
}

impl Error {
    /// The one who would have answered is gone, as when the gateway shuts down.
    pub(super) fn gone() -> Self {
        Self::Unavailable(sqlx::Error::WorkerCrashed)
    }

    /// The same error for each of several who wait for one answer.
    pub(super) fn share(self) -> impl Fn() -> Self {
        let shared = Arc::new(self);
        move || match &*shared {
            Self::Corrupt(why) => Self::Corrupt(why.clone()),
            Self::RuleBroken(why) => Self::RuleBroken(why.clone()),
            Self::Overtaken => Self::Overtaken,
            Self::Unavailable(_) => Self::Unavailable(sqlx::Error::Io(io::Error::other(shared.clone()))),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, source } => Self::Corrupt(format!("column {index}: {source}")),
            sqlx::Error::ColumnNotFound(column) => Self::Corrupt(format!("no column {column}")),
            sqlx::Error::Database(error) if !matches!(error.kind(), ErrorKind::Other) => {
                Self::RuleBroken(error.to_string())
            }
            other => Self::Unavailable(other),
        }
    }
}
