//! Filters of lists: which objects a list shows.

use super::{
    clock::{TimeRange, Timestamp},
    ids::{CustomerId, PartnerId, PaymentIntentId},
    money::Currency,
    operation::{OperationKind, OperationState},
    payment_intent::PaymentIntentState,
    refund::RefundState,
    risk::action::Action,
    search_term::SearchTerm,
};

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// The last created first.
    Creation,
    /// The one first that has not changed for the longest: of a list of those that changed in a range of time. What changes
    /// meanwhile comes again at its end, and is not missed.
    Change,
    /// By the callers' references, byte by byte: of a list of those with one beginning.
    Reference,
}

impl ListOrder {
    fn of(reference_prefix: Option<&String>, updated: TimeRange) -> Self {
        match reference_prefix {
            Some(_) => Self::Reference,
            None if updated.is_open() => Self::Creation,
            None => Self::Change,
        }
    }
}

/// A range of amounts in minor units; a bound that is `None` does not bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmountRange {
    /// This amount or more.
    pub from: Option<i64>,
    /// This amount or less.
    pub to: Option<i64>,
}

impl AmountRange {
    /// Whether nothing bounds it.
    pub fn is_open(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// Which intents a list shows; what is `None` or empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct PaymentIntentFilter {
    /// In one of these states, when there are any.
    pub states: Vec<PaymentIntentState>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With this reference.
    pub reference_id: Option<String>,
    /// With a reference that begins so.
    pub reference_prefix: Option<String>,
    /// With all of these terms, first the one that finds the fewest.
    pub terms: Vec<SearchTerm>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Of such an amount.
    pub amount: AmountRange,
    /// With a refund, whatever became of it, or without one.
    pub has_refunds: Option<bool>,
    /// Only those of which an answer of Corefy's is missing.
    pub only_outcome_unknown: bool,
    /// Created then.
    pub created: TimeRange,
    /// Last changed then.
    pub updated: TimeRange,
}

impl PaymentIntentFilter {
    /// The order of what it shows.
    pub fn order(&self) -> ListOrder {
        ListOrder::of(self.reference_prefix.as_ref(), self.updated)
    }
}

/// Which refunds a list shows; what is `None` or empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct RefundFilter {
    /// Of this payment.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// In one of these states, when there are any.
    pub states: Vec<RefundState>,
    /// With this reference.
    pub reference_id: Option<String>,
    /// With a reference that begins so.
    pub reference_prefix: Option<String>,
    /// With all of these terms.
    pub terms: Vec<SearchTerm>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Of such an amount.
    pub amount: AmountRange,
    /// Created then.
    pub created: TimeRange,
    /// Last changed then.
    pub updated: TimeRange,
}

impl RefundFilter {
    /// The order of what it shows.
    pub fn order(&self) -> ListOrder {
        ListOrder::of(self.reference_prefix.as_ref(), self.updated)
    }
}

/// Which chargebacks a list shows; what is `None` or open does not filter.
#[derive(Clone, Debug, Default)]
pub struct ChargebackFilter {
    /// Of this payment.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// That the gateway learnt of then.
    pub created: TimeRange,
}

/// Which customers a list shows; what is `None` or empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// With this reference.
    pub reference_id: Option<String>,
    /// With a reference that begins so.
    pub reference_prefix: Option<String>,
    /// With all of these terms, first the one that finds the fewest.
    pub terms: Vec<SearchTerm>,
    /// Created then.
    pub created: TimeRange,
}

impl CustomerFilter {
    /// The order of what it shows.
    pub fn order(&self) -> ListOrder {
        ListOrder::of(self.reference_prefix.as_ref(), TimeRange::default())
    }
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
