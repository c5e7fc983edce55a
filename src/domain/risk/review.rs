//! Reviews: payments that went on and are flagged for a person to look at.

use crate::domain::{
    clock::Timestamp,
    ids::{PartnerId, PaymentIntentId, RefundId, RiskDecisionId},
    words::words,
};

words! {
    /// The state of a review.
    ReviewState {
        /// Nobody has looked at it yet.
        Open => "open",
        /// The payment is fine.
        Approved => "approved",
        /// The payment is not.
        Rejected => "rejected",
    }
}

words! {
    /// The state of the refund that comes with a rejection.
    ReviewRefund {
        /// None was asked for.
        None => "none",
        /// A gateway gives the rest of the payment back as soon as it can.
        Wanted => "wanted",
        /// It was created; what comes of it shows the refund.
        Created => "created",
        /// Nothing could be refunded.
        Refused => "refused",
    }
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The decision that asked for it: a review has its id.
    pub decision_id: RiskDecisionId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The payment; none where a card was saved without one.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// Its state.
    pub state: ReviewState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// The operator, or the public half of the key, that decided it; empty while it is open.
    pub decided_by: String,
    /// Why, in their words.
    pub note: String,
    /// The refund that comes with the rejection.
    pub refund: ReviewRefund,
    /// That refund, once it was created.
    pub refund_id: Option<RefundId>,
}

impl Review {
    /// A new one.
    pub fn open(
        decision_id: RiskDecisionId,
        partner_id: PartnerId,
        payment_intent_id: Option<PaymentIntentId>,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            decision_id,
            partner_id,
            payment_intent_id,
            state: ReviewState::Open,
            opened_at,
            decided_at: None,
            decided_by: String::new(),
            note: String::new(),
            refund: ReviewRefund::None,
            refund_id: None,
        }
    }
}
