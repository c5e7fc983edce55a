//! The timeline of a payment: what happened to it, in one order.

use std::fmt;

use super::{
    clock::Timestamp,
    ids::{PaymentIntentId, RefundId},
};

/// The object whose timeline is asked for.
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

/// The kind of an entry.
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
    /// A decision about the risk of an attempt.
    Risk,
    /// Records of a kind that are not kept any more.
    Pruned,
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
            Self::Risk => "risk",
            Self::Pruned => "pruned",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When; of a check that is due, when it will be.
    pub at: Timestamp,
    /// The kind of what happened.
    pub kind: TimelineKind,
    /// The event in a sentence, for people.
    pub sentence: String,
    /// The ids of what it belongs to.
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
    /// The decision about the risk of an attempt.
    pub risk_decision: String,
}

/// The place of an entry in a timeline. Order is by time. At the same moment the end of a call comes after what it did; all
/// else goes by its id, whose digits grow in the order in which a gateway made them, whatever they are the id of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimelinePlace {
    /// When.
    pub at: Timestamp,
    /// Whether it is the end of a call, or the next check of it.
    pub is_end: bool,
    /// The digits of the record's id.
    pub digits: String,
}

impl TimelinePlace {
    /// The place of the record with this id.
    pub fn new(at: Timestamp, is_end: bool, id: &str) -> Self {
        Self { at, is_end, digits: id.rsplit_once('_').map_or(id, |(_, digits)| digits).to_owned() }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once('.')?;
        let (is_end, digits) = rest.split_once('.')?;
        Some(Self { at: Timestamp(at.parse().ok()?), is_end: is_end == "1", digits: digits.to_owned() })
    }
}

impl fmt::Display for TimelinePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.0, u8::from(self.is_end), self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_by_time_and_the_end_of_a_call_comes_after_what_it_did() {
        let at = Timestamp::from_seconds;
        let in_order =
            [(at(1), true, "op_9"), (at(2), false, "evt_1"), (at(2), false, "call_2"), (at(2), true, "op_0")];
        let places = in_order.map(|(at, is_end, id)| TimelinePlace::new(at, is_end, id));
        assert!(places.is_sorted());
        assert!(places.iter().all(|place| TimelinePlace::parse(&place.to_string()).as_ref() == Some(place)));
        assert_eq!(TimelinePlace::parse("1.2"), None);
    }
}
