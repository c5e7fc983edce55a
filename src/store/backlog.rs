//! How much waits.

use sqlx::any::AnyRow;

use super::{Error, columns::get};
use crate::domain::clock::Timestamp;

/// How many rows wait for something, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub count: u32,
    /// When the oldest of them came about.
    pub oldest: Option<Timestamp>,
}

impl Backlog {
    /// From the columns `count` and `oldest`.
    pub(super) fn read(row: &AnyRow) -> Result<Self, Error> {
        let (count, oldest): (i64, Option<i64>) = (get(row, "count")?, get(row, "oldest")?);
        Ok(Self { count: u32::try_from(count).unwrap_or(u32::MAX), oldest: oldest.map(Timestamp) })
    }
}
