//! The table of the outcomes of attempts. One row each, which is added and never changed: it counts for all subjects of its
//! attempt, each of which finds it by an index of its own.

use std::collections::BTreeMap;

use super::{
    Error, ReadSession,
    columns::parse,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    ids::RiskDecisionId,
    risk::outcome::{OutcomeKind, RiskOutcome},
};

/// An outcome that is there already, or whose decision is not kept any more, is left out: what is known of money never waits for
/// what is counted of it.
pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskOutcomeInsert,
    columns: &[("decision_id", Text), ("outcome", Text), ("found_at", Int), ("is_hard", Int)],
    sql: "INSERT INTO risk_outcomes (decision_id, outcome, found_at, is_hard, customer_id, card, ip, email)
         SELECT new.decision_id, new.outcome, new.found_at, new.is_hard, decision.customer_id,
             CASE WHEN new.outcome = 'declined' THEN decision.card END,
             CASE WHEN new.outcome = 'declined' THEN decision.ip END,
             CASE WHEN new.outcome = 'declined' THEN decision.email END
         FROM {rows} JOIN risk_decisions AS decision ON decision.id = new.decision_id WHERE TRUE
         ON CONFLICT (decision_id, outcome) DO NOTHING",
};

impl ReadSession {
    /// The outcomes of the attempts that these decisions let through.
    pub async fn risk_outcomes(
        &mut self,
        decisions: &[RiskDecisionId],
    ) -> Result<BTreeMap<RiskDecisionId, Vec<OutcomeKind>>, Error> {
        let ids: Vec<_> = decisions.iter().map(RiskDecisionId::as_str).collect();
        let elements = self.shared.dialect.elements();
        let sql = format!("SELECT decision_id, outcome FROM risk_outcomes WHERE decision_id IN ({elements})");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(serde_json::to_string(&ids).unwrap_or_default());
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in query.fetch_all(self.connection()).await? {
            let id = parse(&row, "decision_id", RiskDecisionId::parse)?;
            found.entry(id).or_default().push(parse(&row, "outcome", OutcomeKind::parse)?);
        }
        Ok(found)
    }
}

/// Adds an outcome.
pub(super) fn insertion(outcome: &RiskOutcome) -> Write {
    let row = RowValues::new()
        .and(outcome.decision_id.as_str())
        .and(outcome.kind.as_str())
        .and(outcome.at.0)
        .and(i64::from(outcome.is_hard));
    let id = format!("{}/{}", outcome.decision_id, outcome.kind.as_str());
    Write::new(Rank::RiskOutcomeInsert, &id, row)
}
