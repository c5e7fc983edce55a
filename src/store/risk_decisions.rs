//! The table of decisions about risk: written once, and never changed.

use sqlx::any::AnyRow;

use super::{
    Error, ListPosition, ReadSession, Sealer, Store,
    columns::{get, parse},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    ids::{CustomerId, PartnerId, PaymentIntentId, RiskDecisionId},
    list_filters::RiskDecisionFilter,
    risk::{
        action::Action,
        decision::RiskDecision,
        subject::{Dimension, SubjectId},
    },
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskDecisionInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("payment_intent_id", Text),
        ("customer_id", Text),
        ("card", Text),
        ("ip", Text),
        ("email", Text),
        ("bin", Text),
        ("strict_action", Text),
        ("created_at", Int),
        ("record", Bytes),
    ],
    sql: "INSERT INTO risk_decisions (id, partner_id, payment_intent_id, customer_id, card, ip, email, bin,
             strict_action, created_at, record)
         SELECT id, partner_id, payment_intent_id, customer_id, card, ip, email, bin, strict_action, created_at,
             record
         FROM {rows} WHERE TRUE
         ON CONFLICT (id) DO NOTHING",
};

impl ReadSession {
    /// The decision, if it is the partner's.
    pub async fn risk_decision(
        &mut self,
        partner: &PartnerId,
        id: &RiskDecisionId,
    ) -> Result<Option<RiskDecision>, Error> {
        Ok(self.risk_decision_any(id).await?.filter(|decision| decision.inputs.partner_id == *partner))
    }

    /// The decision, of any partner.
    pub async fn risk_decision_any(&mut self, id: &RiskDecisionId) -> Result<Option<RiskDecision>, Error> {
        let query = sqlx::query("SELECT * FROM risk_decisions WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.connection()).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// The partner's decisions, the last made first, at most `limit`, after `after`.
    pub async fn risk_decisions(
        &mut self,
        partner: &PartnerId,
        filter: &RiskDecisionFilter,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Vec<RiskDecision>, Error> {
        let select = |later: Option<ListPosition>| filter.select(partner, later.or_else(|| after.clone()).as_ref());
        self.list(Listing::by_creation("risk_decisions"), limit, select, read).await
    }

    /// The decisions that were made at `since` or later, of all partners, oldest first, at most `limit`, after the id `after`.
    pub async fn risk_decisions_since(
        &mut self,
        since: Timestamp,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<RiskDecision>, Error> {
        let select = |later: Option<String>| since_query(since, later.or_else(|| after.clone()));
        let listing = Listing { table: "risk_decisions", key: |row| get(row, "id"), order: "id" };
        self.list(listing, limit, select, read).await
    }
}

/// Ids ascend with time, so that those of `since` and later begin at an id that can be told.
pub(super) fn since_query(since: Timestamp, after: Option<String>) -> Result<ListQuery, Error> {
    let first = format!("{}{:012x}", RiskDecisionId::PREFIX, since.0.div_euclid(1000).max(0));
    ListQuery::from("risk_decisions").and("id", ">", Some(after.map_or(first.clone(), |after| after.max(first))))
}

impl RiskDecisionFilter {
    pub(super) fn select(&self, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        let list = ListQuery::from("risk_decisions");
        let list = match self.action {
            Some(Action::Allow) => list.only("strict_action IS NULL"),
            action => list.and("strict_action", "=", action.map(Action::as_str))?,
        };
        list.and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and("payment_intent_id", "=", self.payment_intent_id.as_ref().map(PaymentIntentId::to_string))?
            .and_after_position(after)
    }
}

/// Decisions and outcomes before an id.
pub(super) const DELETE: &str = "DELETE FROM risk_decisions WHERE id IN
     (SELECT id FROM risk_decisions WHERE id < $1 ORDER BY id LIMIT +$2)";
pub(super) const DELETE_OUTCOMES: &str = "DELETE FROM risk_outcomes WHERE (decision_id, outcome) IN
     (SELECT decision_id, outcome FROM risk_outcomes WHERE decision_id < $1 ORDER BY decision_id, outcome LIMIT +$2)";

impl Store {
    /// Deletes those of the oldest `limit` decisions that were made before `decided_before`, with their outcomes. Returns how
    /// many. Ids ascend with time.
    pub async fn delete_risk_decisions(&self, decided_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let first_kept = format!("{}{:012x}", RiskDecisionId::PREFIX, decided_before.0.div_euclid(1000).max(0));
        let mut deleted = 0;
        for sql in [DELETE_OUTCOMES, DELETE] {
            deleted += self.execute(sqlx::query(sql).bind(first_kept.clone()).bind(i64::from(limit))).await?;
        }
        Ok(deleted)
    }
}

/// Adds a decision.
pub(super) fn insertion(decision: &RiskDecision, sealer: &Sealer) -> Result<Write, Error> {
    let (id, inputs) = (decision.id.as_str(), &decision.inputs);
    let record = sealer.seal(id, "record", decision)?;
    let subject = |dimension| inputs.subject(dimension);
    let (card, ip, email) = (subject(Dimension::Card), subject(Dimension::Ip), subject(Dimension::Email));
    let row = RowValues::new()
        .and(id)
        .and(inputs.partner_id.as_str())
        .and(inputs.payment_intent_id.as_ref().map(PaymentIntentId::as_str))
        .and(inputs.customer.as_ref().map(|customer| CustomerId::as_str(&customer.id)))
        .and(card.as_ref().map(SubjectId::as_str))
        .and(ip.as_ref().map(SubjectId::as_str))
        .and(email.as_ref().map(SubjectId::as_str))
        .and(inputs.card.as_ref().map(|card| card.bin.as_str()))
        .and((decision.action != Action::Allow).then(|| decision.action.as_str()))
        .and(decision.decided_at.0)
        .and(&record[..]);
    Ok(Write::new(Rank::RiskDecisionInsert, id, row))
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<RiskDecision, Error> {
    let id = parse(row, "id", RiskDecisionId::parse)?;
    sealer.open(id.as_str(), "record", &get::<Vec<u8>>(row, "record")?)
}
