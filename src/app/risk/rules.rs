//! The rules: checked, applied as immutable versions, and shown.

use serde_json::json;

use super::{
    handle::{Risk, TRIES, too_busy},
    policy::read_empty_lists,
};
use crate::{
    app::{
        call::Caller,
        paging::{Page, Paged},
    },
    domain::{
        audit::{AuditAction, Note},
        risk::{
            rule_set::{RuleFault, RuleSet},
            rules_version::RulesVersion,
        },
    },
    error::{Error, Reason},
    store::Change,
};

/// Why rules were not applied. Nothing was changed.
#[derive(Debug)]
pub enum ApplyError {
    /// The file has faults.
    Faults(Vec<RuleFault>),
    /// Anything else.
    Refused(Error),
}

impl<E: Into<Error>> From<E> for ApplyError {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Risk {
    /// Compiles rules against the lists that there are. Changes nothing.
    pub async fn check_rules(&self, source: String) -> Result<RuleSet, ApplyError> {
        let lists = read_empty_lists(&mut self.store.read().await?).await?;
        let compiled = tokio::task::spawn_blocking(move || RuleSet::compile(&source, &lists)).await;
        let unfinished = |panic| Error::new(Reason::Internal, "the rules could not be compiled").because(panic);
        compiled.map_err(unfinished)?.map_err(ApplyError::Faults)
    }

    /// Applies rules: they are a new version, and in force here at once, and on every gateway within ten seconds. Rules that are
    /// in force already stay as they are. `expected` is the version that the caller believes to be in force, 0 for none.
    pub async fn apply_rules(
        &self,
        source: String,
        expected: Option<i64>,
        note: &Note,
    ) -> Result<RulesVersion, ApplyError> {
        let name = self.check_rules(source.clone()).await?.name;
        self.apply(RulesSource { name, source, action: AuditAction::RiskRulesApply }, expected, note).await
    }

    /// Applies an earlier version again, as a new one.
    pub async fn revert_rules(
        &self,
        version: i64,
        expected: Option<i64>,
        note: &Note,
    ) -> Result<RulesVersion, ApplyError> {
        let RulesVersion { source, .. } = self.get_rules(version).await?;
        let name = self.check_rules(source.clone()).await?.name;
        self.apply(RulesSource { name, source, action: AuditAction::RiskRulesRevert }, expected, note).await
    }

    async fn apply(
        &self,
        RulesSource { name, source, action }: RulesSource,
        expected: Option<i64>,
        note: &Note,
    ) -> Result<RulesVersion, ApplyError> {
        for _ in 0..TRIES {
            let mut session = self.store.read().await?;
            let read_revision = session.risk_policy_revision().await?;
            let latest = session.latest_risk_rules().await?;
            drop(session);
            let in_force = latest.as_ref().map_or(0, |latest| latest.version);
            if let Some(same) = latest.filter(|latest| latest.source == source) {
                return Ok(same);
            }
            if expected.is_some_and(|expected| expected != in_force) {
                return Err(stale(in_force).into());
            }
            let rules = RulesVersion {
                version: in_force + 1,
                name: name.clone(),
                source: source.clone(),
                applied_at: self.now(),
                applied_by: note.by.to_string(),
                reason: note.reason.clone(),
            };
            let audited = self
                .audited(note, action, ("risk_rules", rules.version.to_string()))
                .from(&json!({"version": in_force}))
                .to(&json!({"version": rules.version, "name": rules.name}));
            let audited = Change::AuditEntry(Box::new(audited));
            let changes = [Change::RiskPolicy { read_revision }, Change::RiskRules(rules.clone()), audited];
            if self.commit_policy(changes).await? {
                return Ok(rules);
            }
        }
        Err(too_busy().into())
    }

    /// A version of the rules.
    pub async fn get_rules(&self, version: i64) -> Result<RulesVersion, Error> {
        let found = self.store.read().await?.risk_rules(version).await?;
        found.ok_or_else(|| Error::not_found("rules_version", &version.to_string()))
    }

    /// The version that is in force, once one was applied.
    pub async fn rules_in_force(&self) -> Result<Option<RulesVersion>, Error> {
        Ok(self.store.read().await?.latest_risk_rules().await?)
    }

    /// Lists the versions of the rules, newest first.
    pub async fn list_rules_versions(&self, caller: &Caller, page: Page) -> Result<Paged<RulesVersion>, Error> {
        let tokens = self.page_tokens.of(caller, "risk_rules_versions");
        let before = tokens.read(&page.token)?.and_then(|version| version.parse().ok());
        let found = self.rules_versions(before, page.size + 1).await?;
        Ok(tokens.page_by(found, page.size, |rules| rules.version.to_string()))
    }

    /// The newest versions of the rules, at most `limit`, before one when it is given.
    pub async fn rules_versions(&self, before: Option<i64>, limit: u32) -> Result<Vec<RulesVersion>, Error> {
        Ok(self.store.read().await?.risk_rules_versions(before, limit).await?)
    }
}

/// Rules on their way to become a version.
struct RulesSource {
    name: String,
    source: String,
    action: AuditAction,
}

fn stale(in_force: i64) -> Error {
    Error::new(Reason::RevisionStale, format!("version {in_force} of the rules is in force"))
        .with("resource_id", "risk_rules")
        .with("revision", in_force.to_string())
}
