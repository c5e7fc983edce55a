//! The arguments of calls to Corefy.

use super::priority::Scheduling;
use crate::domain::{
    card::Card,
    clock::Timestamp,
    customer::Customer,
    ids::OperationId,
    payment_intent::PaymentIntent,
    payment_method::{CARD, OtherMethod, PaymentMethod},
    refund::Refund,
};

/// The operation a mutating call belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Sent as `Idempotency-Key`; the same at every repetition.
    pub operation_id: &'a OperationId,
    /// The gRPC request it serves, for logs.
    pub request_id: &'a str,
    /// The last moment at which it may be sent: later, another task may have taken over the operation.
    pub not_after: Timestamp,
    /// Its priority and deadline in the rate limiter.
    pub scheduling: Scheduling,
}

/// An intent with what a dialect may need beside it.
#[derive(Clone, Debug)]
pub struct PaymentContext<'a> {
    /// The intent.
    pub intent: &'a PaymentIntent,
    /// Its customer, when it has one.
    pub customer: Option<&'a Customer>,
    /// Every refund of it that we know of, oldest first.
    pub refunds: Vec<&'a Refund>,
}

/// A payment method to save: what is kept of it, and what is only passed on.
#[derive(Debug)]
pub struct NewPaymentMethod<'a> {
    /// The customer that it is saved for.
    pub customer: &'a Customer,
    /// The part that is kept.
    pub method: &'a PaymentMethod,
    /// The part that is only passed on.
    pub data: &'a PaymentMethodData,
}

/// The part of a payment method that is passed on and never kept.
#[derive(Debug)]
pub enum PaymentMethodData {
    /// A card without CVV.
    Card(Card),
    /// A wallet or alternative method.
    Other(OtherMethod),
}

impl PaymentMethodData {
    /// Type code.
    pub fn kind(&self) -> &str {
        match self {
            Self::Card(_) => CARD,
            Self::Other(other) => &other.kind,
        }
    }
}
