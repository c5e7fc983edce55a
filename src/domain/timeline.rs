//! The timeline of a payment: what happened to it, in one order.

use super::{
    clock::Timestamp,
    ids::{PaymentIntentId, RefundId},
};

/// The most entries of a timeline.
pub const MAX_ENTRIES: usize = 500;

/// What a timeline is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimelineOf {
    /// A payment intent, or its payment.
    Payment(PaymentIntentId),
    /// A refund: the timeline is that of its payment.
    Refund(RefundId),
}

impl TimelineOf {
    /// Reads `pi_…`, `pay_…` or `re_…`.
    pub fn parse(text: &str) -> Option<Self> {
        let payment = PaymentIntentId::parse_any(text).map(Self::Payment);
        payment.or_else(|| RefundId::parse(text).map(Self::Refund))
    }
}

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineKind {
    /// A call of the partner's that changed something.
    Rpc,
    /// A call to Corefy.
    UpstreamCall,
    /// A webhook.
    Webhook,
    /// A change of the payment or of one of its refunds.
    Transition,
    /// A step in finding out an outcome that was not known.
    Recovery,
}

impl TimelineKind {
    /// The word for it in the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::UpstreamCall => "upstream call",
            Self::Webhook => "webhook",
            Self::Transition => "transition",
            Self::Recovery => "recovery",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When; of a check that is due, when it will be.
    pub at: Timestamp,
    /// What it tells of.
    pub kind: TimelineKind,
    /// What happened, for people.
    pub sentence: String,
    /// What it belongs to.
    pub ids: TimelineIds,
}

/// Where to look further; empty where there is no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineIds {
    /// The payment intent or refund.
    pub object: String,
    /// The operation of the journal.
    pub operation: String,
    /// The request.
    pub request: String,
    /// The call to Corefy.
    pub api_call: String,
    /// The webhook.
    pub webhook: String,
    /// The event.
    pub event: String,
}

/// A timeline, oldest first.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// At most [`MAX_ENTRIES`].
    pub entries: Vec<TimelineEntry>,
    /// Whether older ones were left out.
    pub is_truncated: bool,
}
