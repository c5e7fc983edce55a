//! The table of reviews.

use sqlx::any::AnyRow;

use super::{
    Error, ListPosition, ReadSession,
    columns::{get, optional_time, parse, parse_optional, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    ids::{PartnerId, PaymentIntentId, RefundId, RiskDecisionId},
    risk::review::{Review, ReviewRefund, ReviewState},
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskReviewInsert,
    columns: &[("id", Text), ("partner_id", Text), ("payment_intent_id", Text), ("created_at", Int)],
    sql: "INSERT INTO risk_reviews (id, partner_id, payment_intent_id, state, created_at, decided_by, note, refund)
         SELECT id, partner_id, payment_intent_id, 'open', created_at, '', '', 'none' FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static DECIDE: Statement = Statement {
    rank: Rank::RiskReviewDecide,
    columns: &[
        ("id", Text),
        ("state", Text),
        ("decided_at", Int),
        ("decided_by", Text),
        ("note", Text),
        ("refund", Text),
    ],
    sql: "UPDATE risk_reviews SET state = new.state, decided_at = new.decided_at, decided_by = new.decided_by,
             note = new.note, refund = new.refund
         FROM {rows} WHERE risk_reviews.id = new.id AND risk_reviews.state = 'open'",
};

pub(super) static REFUND: Statement = Statement {
    rank: Rank::RiskReviewRefund,
    columns: &[("id", Text), ("refund", Text), ("refund_id", Text)],
    sql: "UPDATE risk_reviews SET refund = new.refund, refund_id = new.refund_id
         FROM {rows} WHERE risk_reviews.id = new.id AND risk_reviews.refund = 'wanted'",
};

impl ReadSession {
    /// The review of a decision.
    pub async fn risk_review(&mut self, id: &RiskDecisionId) -> Result<Option<Review>, Error> {
        let query = sqlx::query("SELECT * FROM risk_reviews WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Reviews, the last opened first: of one partner, if one is named, and in these states, if there are any.
    pub async fn risk_reviews(
        &mut self,
        partner: Option<&PartnerId>,
        states: &[ReviewState],
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Vec<Review>, Error> {
        let select = |next: Option<ListPosition>| {
            let partner = partner.map(|partner| partner.as_str().to_owned());
            ListQuery::from("risk_reviews")
                .and("partner_id", "=", partner)?
                .and_after_position(next.as_ref().or(after.as_ref()))?
                .each("state", states.iter().map(|state| state.as_str()))
        };
        self.list(Listing::by_creation("risk_reviews"), limit, select, |row, _| read(row)).await
    }

    /// Reviews whose payment is still to be given back.
    pub async fn risk_reviews_to_refund(&mut self, limit: u32) -> Result<Vec<Review>, Error> {
        let query = ListQuery::from("risk_reviews").only("refund = 'wanted'");
        query.fetch(self.connection(), "id", limit).await?.iter().map(read).collect()
    }
}

/// Adds a review. Conflicts when the decision has one.
pub(super) fn insertion(review: &Review) -> Write {
    let row = RowValues::new()
        .and(review.decision_id.as_str())
        .and(review.partner_id.as_str())
        .and(review.payment_intent_id.as_ref().map(PaymentIntentId::as_str))
        .and(review.opened_at.0);
    Write::new(Rank::RiskReviewInsert, review.decision_id.as_str(), row)
}

/// Writes the decision about a review. Conflicts when it is not open any more.
pub(super) fn decision(review: &Review) -> Write {
    let row = RowValues::new()
        .and(review.decision_id.as_str())
        .and(review.state.as_str())
        .and(review.decided_at.map(|time| time.0))
        .and(review.decided_by.as_str())
        .and(review.note.as_str())
        .and(review.refund.as_str());
    Write::new(Rank::RiskReviewDecide, review.decision_id.as_str(), row)
}

/// Writes what came of a refund that was wanted. Conflicts when that is known already.
pub(super) fn refund(review: &Review) -> Write {
    let row = RowValues::new()
        .and(review.decision_id.as_str())
        .and(review.refund.as_str())
        .and(review.refund_id.as_ref().map(RefundId::as_str));
    Write::new(Rank::RiskReviewRefund, review.decision_id.as_str(), row)
}

fn read(row: &AnyRow) -> Result<Review, Error> {
    Ok(Review {
        decision_id: parse(row, "id", RiskDecisionId::parse)?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        payment_intent_id: parse_optional(row, "payment_intent_id", PaymentIntentId::parse)?,
        state: parse(row, "state", ReviewState::parse)?,
        opened_at: time(row, "created_at")?,
        decided_at: optional_time(row, "decided_at")?,
        decided_by: get(row, "decided_by")?,
        note: get(row, "note")?,
        refund: parse(row, "refund", ReviewRefund::parse)?,
        refund_id: parse_optional(row, "refund_id", RefundId::parse)?,
    })
}
