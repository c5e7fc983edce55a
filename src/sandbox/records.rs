//! Refunds and saved payment methods as the sandbox keeps them.

use super::cards::CardEffect;
use crate::{
    domain::{clock::Timestamp, money::Money},
    upstream::intents::wire::WirePaymentMethod,
};

/// A refund.
pub(super) struct RefundRecord {
    pub id: String,
    pub intent_id: String,
    pub amount: Money,
    pub state: RefundStatus,
    pub reason: Option<String>,
    pub reference: Option<String>,
    pub created_at: Timestamp,
}

/// How a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundStatus {
    /// Under way; its amount is reserved.
    Pending,
    /// The money was given back.
    Succeeded,
    /// The money was not given back, or came back, for this reason.
    Failed(&'static str),
}

/// A saved payment method: of a card only the masked number and what its number does are kept.
pub(super) struct SavedMethod {
    pub shown: WirePaymentMethod,
    pub effect: CardEffect,
}
