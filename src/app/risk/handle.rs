//! The use cases of risk, and what they share: the audit, and how a change of the policy is committed.

use std::sync::Arc;

use super::policy::Policies;
use crate::{
    app::paging::PageTokens,
    domain::{
        audit::{AuditAction, AuditEntry, AuditFilter, AuditRecord, Note},
        clock::Timestamp,
        environment::Environment,
        risk::subject::SubjectHasher,
    },
    error::Error,
    store::{Change, Changes, CommitError, Conflict, Store},
};

/// How often a change is decided anew when others are made at the same time.
pub(super) const TRIES: u32 = 16;

/// The use cases of risk. Needs the database but not Corefy.
pub struct Risk {
    pub(super) store: Store,
    pub(super) environment: Environment,
    pub(super) hasher: SubjectHasher,
    pub(super) page_tokens: PageTokens,
    policies: Arc<Policies>,
}

impl Risk {
    /// On this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        Self {
            policies: Arc::new(Policies::new(store.clone())),
            hasher: SubjectHasher::new(store.hash_key()),
            page_tokens: PageTokens::new(store.hash_key()),
            store,
            environment,
        }
    }

    /// The policies by which attempts are decided.
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Takes on a newer policy, if there is one. Returns how many it took on.
    ///
    /// # Errors
    /// When it cannot be read or used: the one before stays in force.
    pub async fn refresh_policy(&self) -> Result<usize, Error> {
        self.policies.refresh().await.map(usize::from)
    }

    /// The newest changes of rules, lists and reviews, at most `limit`.
    pub async fn changes(&self, limit: u32) -> Result<Vec<AuditRecord>, Error> {
        let filter = AuditFilter { actions: AuditAction::OF_RISK.to_vec(), ..AuditFilter::default() };
        Ok(self.store.read().await?.audit_rows(&filter, limit).await?)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// The entry of the audit log for a decision, about a kind and an id.
    pub(super) fn audited(
        &self,
        note: &Note,
        action: AuditAction,
        object: (&'static str, impl Into<String>),
    ) -> AuditEntry {
        AuditEntry::new(&self.environment.ids, self.now(), note, action, object)
    }

    /// Commits changes of rules or lists, and takes them on here at once. `false`: another change was made since the revision
    /// was read.
    pub(super) async fn commit_policy(&self, changes: impl IntoIterator<Item = Change>) -> Result<bool, Error> {
        let stands = self.store.commit_once(&changes.into_iter().collect::<Changes>()).await?;
        if stands && let Err(error) = self.policies.refresh_if_used().await {
            tracing::warn!(%error, "a change of the policy is taken on later");
        }
        Ok(stands)
    }
}

/// The refusal of a change while others are made all the time.
pub(super) fn too_busy() -> Error {
    CommitError::Conflict(Conflict::Locked).into()
}
