//! The tables of the rules: versions that were applied, and the revision of all that decides.

use sqlx::{Row as _, any::AnyRow};

use super::{
    Error, ReadSession,
    columns::{get, time},
    list_query::ListQuery,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::risk::rules_version::RulesVersion;

pub(super) static POLICY: Statement = Statement {
    rank: Rank::RiskPolicyUpdate,
    columns: &[("read_revision", Int)],
    sql: "UPDATE risk_policy SET revision = new.read_revision + 1
         FROM {rows} WHERE risk_policy.id = 1 AND risk_policy.revision = new.read_revision",
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskRulesInsert,
    columns: &[
        ("version", Int),
        ("name", Text),
        ("source", Text),
        ("applied_at", Int),
        ("applied_by", Text),
        ("reason", Text),
    ],
    sql: "INSERT INTO risk_rule_sets (version, name, source, applied_at, applied_by, reason)
         SELECT version, name, source, applied_at, applied_by, reason FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

impl ReadSession {
    /// The revision of the rules and lists together, which grows with each change.
    pub async fn risk_policy_revision(&mut self) -> Result<i64, Error> {
        let query = sqlx::query("SELECT revision FROM risk_policy WHERE id = 1");
        Ok(query.fetch_one(self.connection()).await?.try_get(0)?)
    }

    /// The version of the rules that was applied last.
    pub async fn latest_risk_rules(&mut self) -> Result<Option<RulesVersion>, Error> {
        Ok(self.risk_rules_versions(None, 1).await?.pop())
    }

    /// A version of the rules.
    pub async fn risk_rules(&mut self, version: i64) -> Result<Option<RulesVersion>, Error> {
        let query = sqlx::query("SELECT * FROM risk_rule_sets WHERE version = $1").bind(version);
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Versions of the rules, newest first, before one when it is given.
    pub async fn risk_rules_versions(&mut self, before: Option<i64>, limit: u32) -> Result<Vec<RulesVersion>, Error> {
        let query = ListQuery::from("risk_rule_sets").and("version", "<", before)?;
        let rows = query.fetch(self.connection(), "version DESC", limit).await?;
        rows.iter().map(read).collect()
    }
}

/// Counts a change of rules or lists. Conflicts when another was made since this revision was read.
pub(super) fn policy_write(read_revision: i64) -> Write {
    Write::new(Rank::RiskPolicyUpdate, "risk_policy", RowValues::new().and(read_revision))
}

/// Adds a version of the rules. Conflicts when there is one of this number.
pub(super) fn insertion(rules: &RulesVersion) -> Write {
    let row = RowValues::new()
        .and(rules.version)
        .and(rules.name.as_str())
        .and(rules.source.as_str())
        .and(rules.applied_at.0)
        .and(rules.applied_by.as_str())
        .and(rules.reason.as_str());
    Write::new(Rank::RiskRulesInsert, &rules.version.to_string(), row)
}

fn read(row: &AnyRow) -> Result<RulesVersion, Error> {
    Ok(RulesVersion {
        version: get(row, "version")?,
        name: get(row, "name")?,
        source: get(row, "source")?,
        applied_at: time(row, "applied_at")?,
        applied_by: get(row, "applied_by")?,
        reason: get(row, "reason")?,
    })
}
