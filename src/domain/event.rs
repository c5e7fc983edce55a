//! Events: what happened to a partner's objects, each with the object as it was then.

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    customer::Customer,
    erasure::job::PayerErasure,
    ids::{EventId, OperationId, PartnerId},
    operation::OpenOperation,
    payment_intent::PaymentIntent,
    payment_method::PaymentMethod,
    reconciliation::Mismatch,
    refund::Refund,
};

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident => $word:literal,)*) => {
        /// The types of events.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType { $($(#[$doc])* $name,)* }

        impl EventType {
            /// All types, for validation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The type as callers see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

event_types! {
    /// An intent was accepted.
    PaymentIntentCreated => "payment_intent.created",
    /// The payer has to act.
    PaymentIntentRequiresAction => "payment_intent.requires_action",
    /// An attempt is under way.
    PaymentIntentProcessing => "payment_intent.processing",
    /// Paid in full.
    PaymentIntentSucceeded => "payment_intent.succeeded",
    /// Paid in part.
    PaymentIntentPartiallyPaid => "payment_intent.partially_paid",
    /// An attempt was declined or failed.
    PaymentIntentPaymentFailed => "payment_intent.payment_failed",
    /// An attempt was stopped for its risk, before anything was sent.
    PaymentIntentBlocked => "payment_intent.blocked",
    /// Canceled.
    PaymentIntentCanceled => "payment_intent.canceled",
    /// Paid after the attempt had been given up, or after the intent was canceled.
    PaymentIntentLateSuccess => "payment_intent.late_success",
    /// Corefy reports money that does not fit the intent.
    PaymentIntentOrphanCharge => "payment_intent.orphan_charge",
    /// A refund that was not made through the gateway.
    PaymentIntentRefundedUpstream => "payment_intent.refunded_upstream",
    /// The payer's bank took money back.
    PaymentIntentChargedBack => "payment_intent.charged_back",
    /// A payment, or a refund of it, has been under way for a week.
    PaymentIntentOverdue => "payment_intent.overdue",
    /// A refund was accepted.
    RefundCreated => "refund.created",
    /// The money was given back.
    RefundSucceeded => "refund.succeeded",
    /// The money was not given back.
    RefundFailed => "refund.failed",
    /// Withdrawn.
    RefundCanceled => "refund.canceled",
    /// Given back after the refund had been given up.
    RefundLateSuccess => "refund.late_success",
    /// A customer was accepted.
    CustomerCreated => "customer.created",
    /// A customer was changed at Corefy.
    CustomerUpdated => "customer.updated",
    /// Corefy refused a customer whose creation was in doubt; the customer is removed.
    CustomerCreationFailed => "customer.creation_failed",
    /// Everything that told of a customer was erased.
    CustomerErased => "customer.erased",
    /// Everything that told of a payer without a customer was erased.
    PayerErased => "payer.erased",
    /// A payment method was saved.
    PaymentMethodCreated => "payment_method.created",
    /// Corefy refused a payment method whose creation was in doubt; the method is removed.
    PaymentMethodCreationFailed => "payment_method.creation_failed",
    /// A saved payment method was changed, by a call or at Corefy.
    PaymentMethodUpdated => "payment_method.updated",
    /// A saved payment method was deleted here; nothing can be paid with it any more.
    PaymentMethodDeleted => "payment_method.deleted",
    /// The outcome of a call to Corefy is not known.
    OperationInDoubt => "operation.in_doubt",
    /// The outcome of a call to Corefy has to be found out by a person.
    OperationNeedsOperator => "operation.needs_operator",
    /// A comparison with Corefy's books found a payment that differs.
    ReconcileMismatch => "reconcile.mismatch",
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Our id.
    pub id: EventId,
    /// Its place in the one order: greater than that of every event before it.
    pub sequence: i64,
    /// The partner that the object belongs to.
    pub partner_id: PartnerId,
    /// The type of the event, as callers see it.
    pub kind: String,
    /// The object as it was then.
    pub object: EventObject,
    /// The operation it comes from.
    pub operation_id: Option<OperationId>,
    /// The request it comes from, or empty.
    pub request_id: String,
    /// When.
    pub created_at: Timestamp,
}

/// The object of an event, as it was then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventObject {
    /// A payment intent.
    PaymentIntent(Box<PaymentIntent>),
    /// A refund.
    Refund(Box<Refund>),
    /// A customer.
    Customer(Box<Customer>),
    /// A payment method.
    PaymentMethod(Box<PaymentMethod>),
    /// An operation whose outcome is not known.
    Operation(Box<OpenOperation>),
    /// The erasure of a payer.
    Erasure(Box<PayerErasure>),
    /// A payment that differs from Corefy's.
    Mismatch(Box<Mismatch>),
}

impl EventObject {
    /// The id of the object; of an operation and of a payment that differs, of the object that it is about.
    pub fn id(&self) -> &str {
        match self {
            Self::PaymentIntent(intent) => intent.id.as_str(),
            Self::Refund(refund) => refund.id.as_str(),
            Self::Customer(customer) => customer.id.as_str(),
            Self::PaymentMethod(method) => method.id.as_str(),
            Self::Operation(operation) => operation.subject_id.as_str(),
            Self::Erasure(erasure) => erasure.id.as_str(),
            Self::Mismatch(mismatch) => mismatch.payment_intent_id.as_str(),
        }
    }

    /// The partner that the object belongs to.
    pub fn partner_id(&self) -> &PartnerId {
        match self {
            Self::PaymentIntent(intent) => &intent.partner_id,
            Self::Refund(refund) => &refund.partner_id,
            Self::Customer(customer) => &customer.partner_id,
            Self::PaymentMethod(method) => &method.partner_id,
            Self::Operation(operation) => &operation.partner_id,
            Self::Erasure(erasure) => &erasure.partner_id,
            Self::Mismatch(mismatch) => &mismatch.partner_id,
        }
    }
}

impl From<PaymentIntent> for EventObject {
    fn from(intent: PaymentIntent) -> Self {
        Self::PaymentIntent(Box::new(intent))
    }
}

impl From<Refund> for EventObject {
    fn from(refund: Refund) -> Self {
        Self::Refund(Box::new(refund))
    }
}

impl From<Customer> for EventObject {
    fn from(customer: Customer) -> Self {
        Self::Customer(Box::new(customer))
    }
}

impl From<PaymentMethod> for EventObject {
    fn from(method: PaymentMethod) -> Self {
        Self::PaymentMethod(Box::new(method))
    }
}

impl From<PayerErasure> for EventObject {
    fn from(erasure: PayerErasure) -> Self {
        Self::Erasure(Box::new(erasure))
    }
}

impl From<Mismatch> for EventObject {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(Box::new(mismatch))
    }
}

impl From<OpenOperation> for EventObject {
    fn from(operation: OpenOperation) -> Self {
        Self::Operation(Box::new(operation))
    }
}
