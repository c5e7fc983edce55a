//! A payment as the gateway has it, and how long its changes may take to be known at Corefy.

use std::time::Duration;

use crate::domain::{
    clock::Timestamp,
    operation::{Operation, OperationKind, OperationState},
    payment_intent::PaymentIntent,
    refund::Refund,
};

/// A payment as the gateway has it.
#[derive(Clone, Debug)]
pub struct OurPayment<'a> {
    /// The intent.
    pub intent: &'a PaymentIntent,
    /// Every refund of it.
    pub refunds: Vec<&'a Refund>,
    /// The operations on it; those that are done do not count.
    pub operations: &'a [Operation],
}

/// When the other books were made, and how long a change may take to get from one to the other.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When Corefy gave its answer, or made its file.
    pub as_of: Timestamp,
    /// How old a change has to be to be in both.
    pub settling: Duration,
}

impl Patience {
    /// Whether a change at this moment, which may be zero for none, may be in one of the books alone.
    pub(super) fn is_fresh(self, changed_at: Timestamp) -> bool {
        changed_at.0 != 0 && changed_at + self.settling > self.as_of
    }
}

impl OurPayment<'_> {
    /// Whether something is under way that concerns the payment itself, and not a refund.
    pub(super) fn is_under_way(&self, version: Timestamp, patience: Patience) -> bool {
        let has_news = version > self.intent.upstream_version && patience.is_fresh(version);
        has_news || patience.is_fresh(self.intent.updated_at) || self.operations.iter().any(is_open_on_payment)
    }

    /// Whether the outcome of this refund is awaited.
    pub(super) fn is_refund_open(&self, refund: &Refund) -> bool {
        let is_of_it = |operation: &&Operation| operation.subject_id == refund.id.as_str();
        self.operations.iter().filter(is_of_it).any(is_under_way)
    }
}

fn is_open_on_payment(operation: &Operation) -> bool {
    let concerns_it = match operation.kind {
        OperationKind::CreatePaymentIntent
        | OperationKind::ConfirmPaymentIntent
        | OperationKind::CancelPaymentIntent => true,
        OperationKind::CreateRefund
        | OperationKind::CreateCustomer
        | OperationKind::CreatePaymentMethod
        | OperationKind::UpdateCustomer
        | OperationKind::UpdatePaymentMethod
        | OperationKind::DeletePaymentMethod => false,
    };
    concerns_it && is_under_way(operation)
}

/// Whether Corefy is asked about it. What waits for an operator stays as it is.
fn is_under_way(operation: &Operation) -> bool {
    match operation.state {
        OperationState::Sent | OperationState::InDoubt => true,
        OperationState::NeedsOperator | OperationState::Done => false,
    }
}
