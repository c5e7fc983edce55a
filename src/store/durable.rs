//! The one way in which decisions are written: all changes of one together, with their entries in the audit log.

use super::{Changes, CommitError, Conflict, Error, Store};

impl Store {
    /// Makes `changes` durable together.
    ///
    /// # Errors
    /// [`Conflict`] when they do not fit what is stored any more: read again, and decide again. [`Error::Uncertain`] when the
    /// database did not say whether they stand: the same changes may be committed again, and conflict if they do.
    pub async fn commit(&self, changes: &Changes) -> Result<(), CommitError> {
        let entries: Vec<_> = changes.audit_entries().collect();
        if entries.is_empty() {
            return self.commit_rows(changes, Vec::new()).await;
        }
        self.commit_audited(changes, &entries).await
    }
}

/// How often changes are committed of which the database does not say whether they stand.
const TRIES: u32 = 3;
/// How often they are committed while another transaction holds a row of theirs, which may be the attempt before.
const LOCKED_TRIES: u32 = 64;

impl Store {
    /// Commits changes that conflict with themselves where they stand, and returns whether they do. Where the database does not
    /// say, they are committed again.
    pub async fn commit_once(&self, changes: &Changes) -> Result<bool, Error> {
        let (mut tries, mut locked) = (0, 0);
        loop {
            match self.commit(changes).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Failed(Error::Uncertain(_))) if tries + 1 < TRIES => tries += 1,
                Err(CommitError::Failed(error)) => return Err(error),
                Err(CommitError::Conflict(Conflict::Locked)) if locked < LOCKED_TRIES => locked += 1,
                Err(CommitError::Conflict(Conflict::Locked)) => {
                    return Err(Error::Unavailable(sqlx::Error::PoolTimedOut));
                }
                Err(CommitError::Conflict(_)) => return Ok(tries > 0),
            }
        }
    }
}
