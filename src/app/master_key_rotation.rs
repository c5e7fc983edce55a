//! The change of the master key: what is stored is sealed again under the new one, a few rows at a time, beside running gateways. It can
//! be stopped at any point and begun again, for what is sealed already is left as it is.

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    domain::{
        audit::{AuditAction, AuditEntry, Note},
        environment::Environment,
    },
    error::Error,
    store::{Change, Changes, SEALED_TABLES, SealedTable, Store},
};

/// How many rows are looked at, and written at most in one transaction: as few as when old rows are deleted, since a gateway's payments
/// wait for SQLite's one writer meanwhile.
const BATCH: u32 = 25;
/// How long a rest after a transaction is, as a multiple of the time it took.
const REST: u32 = 3;
/// How many damaged values are named.
pub const MOST_NAMED: usize = 10;
/// Everything is looked at twice: to seal it again, and to see that nobody has written under the other key since.
const PASSES: usize = 2;

/// How far the change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationProgress {
    /// Tables that were looked through, in both passes.
    pub tables_done: usize,
    /// Tables to be looked through, in both passes.
    pub tables: usize,
    /// Rows that were looked at.
    pub rows: u64,
}

/// The outcome of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// How many values were sealed again.
    pub sealed: u64,
    /// How many of them were written under the other key after they had been looked at: another process still uses that key.
    pub late: u64,
    /// How many open under neither key. They were damaged before, and stay as they are.
    pub damaged: u64,
    /// The first of those, at most [`MOST_NAMED`].
    pub damaged_first: Vec<String>,
}

/// The change of the master key. Needs the database but not Corefy.
pub struct MasterKeyRotation {
    store: Store,
    environment: Environment,
    note: Note,
}

impl MasterKeyRotation {
    /// On this database, which was opened with both keys. The end is audited with this note.
    pub fn new(store: Store, environment: Environment, note: Note) -> Self {
        Self { store, environment, note }
    }

    /// Seals everything under the new master key. Unless another process was found that still seals under the other one, that one
    /// opens the database no more. `told` is called now and then.
    ///
    /// # Errors
    /// When the database fails, or a newer version has sealed something in a form that this one does not know: begin again then.
    pub async fn run(&self, mut told: impl FnMut(RotationProgress)) -> Result<Rotated, Error> {
        let tables = SEALED_TABLES.len();
        let mut progress = RotationProgress { tables_done: 0, tables: tables * PASSES, rows: 0 };
        let mut rotated = Rotated::default();
        for pass in 1..=PASSES {
            rotated = Rotated { sealed: rotated.sealed + rotated.late, ..Rotated::default() };
            for table in &SEALED_TABLES {
                self.table(table, &mut rotated, &mut progress, &mut told).await?;
                progress.tables_done += 1;
                told(progress);
            }
            tracing::debug!(pass, sealed = rotated.late, damaged = rotated.damaged, "everything was looked at");
        }
        if rotated.late == 0 && self.store.read().await?.is_under_two_master_keys().await? {
            // First, so that no crash leaves a change that the log does not have.
            self.audit(&rotated).await?;
            self.store.forget_other_master_key().await?;
        }
        rotated.sealed += rotated.late;
        Ok(rotated)
    }

    /// Counts what it seals again as late: only the last pass finds what really is.
    async fn table(
        &self,
        table: &SealedTable,
        rotated: &mut Rotated,
        progress: &mut RotationProgress,
        told: &mut impl FnMut(RotationProgress),
    ) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let began = Instant::now();
            let again = self.store.seal_again(table, &after, BATCH).await?;
            progress.rows += again.read;
            rotated.late += again.sealed;
            rotated.damaged += again.damaged.len() as u64;
            let room = MOST_NAMED - rotated.damaged_first.len();
            rotated.damaged_first.extend(again.damaged.into_iter().take(room));
            told(*progress);
            let Some(last) = again.last else { return Ok(()) };
            after = last;
            if again.sealed > 0 {
                sleep(began.elapsed() * REST).await;
            }
        }
    }

    async fn audit(&self, rotated: &Rotated) -> Result<(), Error> {
        let Environment { ids, clock, .. } = &self.environment;
        let object = ("master_key", "current");
        let entry = AuditEntry::new(ids, clock.now(), &self.note, AuditAction::MasterKeyRotate, object)
            .to(&json!({"values_sealed_again": rotated.sealed, "values_damaged": rotated.damaged}));
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(())
    }
}
