//! Reviews of risk on the wire.

use crate::{
    app::paging::Page,
    domain::{
        ids::RiskDecisionId,
        risk::review::{Review, ReviewRefund, ReviewState},
    },
    pb,
};

use super::{fields::Fields, risk_rules::ChangeReason, states, timestamps};

/// The form of a decision's id, for people.
pub(super) const DECISION_ID: &str = "of a decision about risk, rd_…";
/// The states of reviews, in their order.
const STATES: [ReviewState; 3] = [ReviewState::Open, ReviewState::Approved, ReviewState::Rejected];

/// Reads ListReviews.
pub(super) fn list(fields: &mut Fields, message: pb::ListReviewsRequest) -> Option<(Vec<ReviewState>, Page)> {
    let wire = |state| pb::RiskReviewState::from(state).into();
    let states = states::read(fields, STATES, wire, &message.states);
    Some((states, fields.page(message.page_size, message.page_token)))
}

/// Reads ApproveReview and RejectReview.
pub(super) fn decide(fields: &mut Fields, id: &str, reason: String) -> Option<(RiskDecisionId, ChangeReason)> {
    let id = fields.id("decision_id", id, RiskDecisionId::parse, DECISION_ID);
    let reason = ChangeReason::read(fields, reason);
    Some((id?, reason))
}

impl From<ReviewState> for pb::RiskReviewState {
    fn from(state: ReviewState) -> Self {
        match state {
            ReviewState::Open => Self::Open,
            ReviewState::Approved => Self::Approved,
            ReviewState::Rejected => Self::Rejected,
        }
    }
}

impl From<ReviewRefund> for pb::RiskReviewRefundState {
    fn from(refund: ReviewRefund) -> Self {
        match refund {
            ReviewRefund::None => Self::Unspecified,
            ReviewRefund::Wanted => Self::Wanted,
            ReviewRefund::Created => Self::Created,
            ReviewRefund::Refused => Self::Refused,
        }
    }
}

impl From<Review> for pb::RiskReview {
    fn from(review: Review) -> Self {
        Self {
            decision_id: review.decision_id.to_string(),
            payment_intent_id: review.payment_intent_id.map(|id| id.to_string()).unwrap_or_default(),
            state: pb::RiskReviewState::from(review.state).into(),
            opened_at: Some(timestamps::wire(review.opened_at)),
            decided_at: review.decided_at.map(timestamps::wire),
            decided_by: review.decided_by,
            reason: review.note,
            refund_state: pb::RiskReviewRefundState::from(review.refund).into(),
            refund_id: review.refund_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}
