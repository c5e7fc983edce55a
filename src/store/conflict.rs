//! Why changes are not written: they do not fit what is stored any more, or the database fails.

use super::Error;

/// Why changes were not written. Nothing of them stands.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something has changed since it was read.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The database did not do as asked.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl CommitError {
    /// Whether it is about the rows that were to be written, and not about the database: others can be written.
    pub(super) fn is_of_its_rows(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Failed(error) => error.is_of_its_rows(),
        }
    }

    /// The same error for each of several commits that were written together.
    pub(super) fn share(self) -> impl Fn() -> Self {
        let same: Box<dyn Fn() -> Self> = match self {
            Self::Conflict(conflict) => Box::new(move || conflict.into()),
            Self::Failed(error) => {
                let same = error.share();
                Box::new(move || same().into())
            }
        };
        same
    }
}

/// The rule by which changes do not fit what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another call has reserved under the idempotency key, or an operation of this id exists.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The partner has used the reference for another object of the kind.
    #[error("the reference is taken")]
    ReferenceTaken,
    /// Another partner has the id or the name.
    #[error("the partner's id or name is taken")]
    PartnerTaken,
    /// An API key is not as the change requires: it exists, or does not, or was revoked.
    #[error("the API key is not as the change requires")]
    KeyChanged,
    /// An operation is held under another epoch or done, or a webhook is being processed.
    #[error("the operation is held by another")]
    LeaseLost,
    /// An object was written since it was read.
    #[error("an object has changed since it was read")]
    Stale,
    /// Another commit has added to the audit log since it was read, or pruned it.
    #[error("the audit log has changed since it was read")]
    AuditMoved,
    /// Another transaction held a row for longer than a commit waits.
    #[error("a row is locked by another transaction")]
    Locked,
}
