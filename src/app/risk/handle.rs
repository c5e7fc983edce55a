//! The use cases of risk, and what they share: the audit, and how a change of the policy is committed.

use std::sync::Arc;

use super::policy::Policies;
use crate::{
    app::paging::PageTokens,
    domain::{
        clock::Timestamp,
        environment::Environment,
        ids::AuditEntryId,
        master_key::MasterKey,
        risk::{rules_version::RiskChange, subject::SubjectHasher},
    },
    error::Error,
    store::{Change, Changes, CommitError, Conflict, Store},
};

/// How often a change is decided anew when others are made at the same time.
pub(super) const TRIES: u32 = 16;

/// The author of a change, and the reason for it.
#[derive(Clone, Debug)]
pub struct Note {
    /// The operator, or the public half of the key.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

/// The use cases of risk. Needs the database and the master key but not Corefy.
pub struct Risk {
    pub(super) store: Store,
    pub(super) environment: Environment,
    pub(super) hasher: SubjectHasher,
    pub(super) page_tokens: PageTokens,
    policies: Arc<Policies>,
}

impl Risk {
    /// On this database, with the master key of the gateway that uses it.
    pub fn new(store: Store, master_key: &MasterKey, environment: Environment) -> Self {
        Self {
            policies: Arc::new(Policies::new(store.clone())),
            store,
            environment,
            hasher: SubjectHasher::new(master_key),
            page_tokens: PageTokens::new(master_key),
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
    pub async fn changes(&self, limit: u32) -> Result<Vec<RiskChange>, Error> {
        Ok(self.store.read().await?.risk_changes(None, limit).await?)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// The entry of the audit for a change.
    pub(super) fn audited(&self, note: &Note, action: &str, object: impl Into<String>) -> Change {
        Change::RiskChange(RiskChange {
            id: AuditEntryId::generate(&self.environment.ids),
            at: self.now(),
            by: note.by.clone(),
            action: action.to_owned(),
            object: object.into(),
            reason: note.reason.clone(),
        })
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
