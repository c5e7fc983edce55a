//! How decisions come into the audit log: in the commit that carries them out, behind the last row of the log. The head is written only
//! if it is still the one that was read; where another commit has added a row since, this one is linked and written again.

use super::{Changes, CommitError, Conflict, Error, Store, audit, error::Corruption};
use crate::domain::{
    audit::{AuditAction, AuditChain, AuditEntry, AuditFilter, AuditHead, AuditRecord},
    clock::Timestamp,
};

/// How often a commit is linked anew because other gateways or commands have added rows.
const TRIES: u32 = 64;

/// A row that became durable, as the log of the gateway says it: with `audit verify --head` it shows whether the table was cut.
fn log(row: &AuditRecord) {
    let hash = base16ct::lower::encode_string(&row.hash);
    let (sequence, by) = (row.sequence, row.author());
    tracing::info!(sequence, hash, by, action = row.action, object = row.object, "a decision was audited");
}

impl Store {
    /// Commits changes with their entries in the audit log.
    pub(super) async fn commit_audited(&self, changes: &Changes, entries: &[&AuditEntry]) -> Result<(), CommitError> {
        // One after the other within a process, so that conflicts come only from others.
        let _turn = self.shared.audit_turn.lock().await;
        for _ in 0..TRIES {
            let head = self.sealed_head().await?;
            let (next, rows) = self.chain().append(&head, entries);
            let writes = rows.iter().map(audit::insertion).chain([audit::head_write(&head, &next)]);
            match self.commit_rows(changes, writes.collect()).await {
                Err(CommitError::Conflict(Conflict::AuditMoved)) => {}
                Ok(()) => {
                    rows.iter().for_each(log);
                    return Ok(());
                }
                Err(other) => return Err(other),
            }
        }
        Err(Conflict::Locked.into())
    }

    /// Deletes the oldest rows of the audit log that were made before this moment, at most `limit`. Returns how many. The first that
    /// is kept stays linked to the last that is gone, whose hash the head keeps.
    pub async fn delete_audit_rows(&self, made_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let _turn = self.shared.audit_turn.lock().await;
        let head = self.sealed_head().await?;
        let after = head.first_sequence - 1;
        let oldest = self.read().await?.audit_rows_after(&AuditFilter::default(), after, limit).await?;
        let gone: Vec<_> = oldest.into_iter().take_while(|row| row.made_at < made_before).collect();
        let Some(last) = gone.last().filter(|last| last.sequence <= head.sequence) else { return Ok(0) };
        let next = self.chain().prune(&head, last);
        let writes = vec![audit::head_write(&head, &next), audit::deletion(head.first_sequence, last.sequence)];
        match self.write_batcher.write(writes).await {
            Ok(()) => Ok(gone.len() as u64),
            // A row was added meanwhile: the next look prunes.
            Err(CommitError::Conflict(_)) => Ok(0),
            Err(CommitError::Failed(error)) => Err(error),
        }
    }

    /// The last entry of the audit log for this decision.
    pub async fn last_audited(&self, action: AuditAction) -> Result<Option<AuditRecord>, Error> {
        let filter = AuditFilter { actions: vec![action], ..AuditFilter::default() };
        Ok(self.read().await?.audit_rows(&filter, 1).await?.pop())
    }

    /// The chain of the audit log.
    pub fn chain(&self) -> &AuditChain {
        &self.shared.chain
    }

    /// The head, which rows are added behind.
    ///
    /// # Errors
    /// When it is not sealed: adding a row would seal what somebody else has written there.
    async fn sealed_head(&self) -> Result<AuditHead, Error> {
        let head = self.read().await?.audit_head().await?;
        if self.chain().is_sealed(&head) {
            return Ok(head);
        }
        Err(Error::Corrupt(Corruption::Sealed("the head of the audit log".to_owned())))
    }
}
