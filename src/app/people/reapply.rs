//! Erasures that are begun again, where a restored database lacks them.

use serde_json::json;

use super::handle::{People, Requester};
use crate::{
    domain::{
        audit::{AuditAction, AuditEntry, Note},
        erasure::{job::ErasureSubject, past::PastErasure},
    },
    error::{Error, Reason},
    store::{Change, Changes},
};

/// The outcome for an erasure that was to be begun again.
#[derive(Debug)]
pub enum Reapplied {
    /// It is begun.
    Begun,
    /// The database has it, or another one of the same person.
    Known,
    /// The database has no such customer.
    Absent,
    /// It cannot be begun yet, for this reason.
    Waits(Error),
}

/// How many erasures of a file came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReappliedCounts {
    /// Begun.
    pub begun: u64,
    /// Known already.
    pub known: u64,
    /// Of customers that the database lacks.
    pub absent: u64,
    /// That cannot be begun yet.
    pub waiting: u64,
}

impl ReappliedCounts {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Reapplied) {
        let counter = match outcome {
            Reapplied::Begun => &mut self.begun,
            Reapplied::Known => &mut self.known,
            Reapplied::Absent => &mut self.absent,
            Reapplied::Waits(_) => &mut self.waiting,
        };
        *counter += 1;
    }
}

impl People {
    /// Begins an erasure again under its own id, unless the database has it.
    ///
    /// # Errors
    /// When the database fails. What hinders this erasure alone is [`Reapplied::Waits`].
    pub async fn reapply(&self, past: &PastErasure, note: &Note) -> Result<Reapplied, Error> {
        if self.find_erasure(&past.id).await?.is_some() {
            return Ok(Reapplied::Known);
        }
        let requester = Requester { partner_id: past.partner_id.clone(), note: note.clone() };
        if let ErasureSubject::Payer(hash) = past.subject
            && let Err(error) = self.require_none_under_way(hash).await
        {
            return waits(error);
        }
        match self.erase(&requester, past.id.clone(), past.subject.clone()).await {
            Ok(erasure) if erasure.id == past.id => Ok(Reapplied::Begun),
            Ok(_) => Ok(Reapplied::Known),
            Err(error) if error.reason == Reason::ResourceNotFound => Ok(Reapplied::Absent),
            Err(error) => waits(error),
        }
    }

    /// Has it audited that erasures were begun again.
    pub async fn note_reapplied(&self, counts: ReappliedCounts, note: &Note) -> Result<(), Error> {
        let ReappliedCounts { begun, known, absent, waiting } = counts;
        let (ids, action) = (&self.environment.ids, AuditAction::PersonalDataReapply);
        let entry = AuditEntry::new(ids, self.now(), note, action, ("erasures", ""))
            .to(&json!({"begun": begun, "known": known, "absent": absent, "waiting": waiting}));
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(())
    }
}

fn waits(error: Error) -> Result<Reapplied, Error> {
    match error.reason {
        Reason::PaymentsUnderWay | Reason::CustomerNotReady => Ok(Reapplied::Waits(error)),
        _ => Err(error),
    }
}
