//! Filters of lists: which objects a list shows.

use super::{
    clock::{TimeRange, Timestamp},
    ids::{CustomerId, PartnerId, PaymentIntentId},
    operation::{OperationKind, OperationState},
    payment_intent::PaymentIntentState,
    refund::RefundState,
    risk::action::Action,
};

/// Which intents a list shows; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct PaymentIntentFilter {
    /// In one of these states, when there are any.
    pub states: Vec<PaymentIntentState>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With this reference.
    pub reference_id: Option<String>,
    /// Created then.
    pub created: TimeRange,
    /// Last changed then.
    pub updated: TimeRange,
}

/// Which refunds a list shows; what is `None` or empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct RefundFilter {
    /// Of this payment.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// In one of these states, when there are any.
    pub states: Vec<RefundState>,
    /// Created then.
    pub created: TimeRange,
    /// Last changed then.
    pub updated: TimeRange,
}

/// Which customers a list shows; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// With this reference.
    pub reference_id: Option<String>,
}

/// Which calls a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct ApiCallFilter {
    /// Of this operation, as `payment_intent.confirm`.
    pub operation: Option<String>,
    /// About this intent's payment or one of its refunds.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// About this object of ours.
    pub subject_id: Option<String>,
    /// Made for this request.
    pub request_id: Option<String>,
    /// Only those that did not succeed.
    pub only_failed: bool,
    /// Sent at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Sent before this moment.
    pub created_before: Option<Timestamp>,
}

/// Which open operations a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct OperationFilter {
    /// In one of these states.
    pub states: Vec<OperationState>,
    /// Of this kind.
    pub kind: Option<OperationKind>,
    /// Of this partner.
    pub partner: Option<PartnerId>,
}

/// Which decisions about risk a list shows; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct RiskDecisionFilter {
    /// With this action.
    pub action: Option<Action>,
    /// About attempts to pay this intent.
    pub payment_intent_id: Option<PaymentIntentId>,
}
