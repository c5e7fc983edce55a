//! Refunds and saved payment methods as the sandbox keeps them.

use serde::{Deserialize, Serialize};

use super::{
    as_written::as_written,
    cards::CardEffect,
    failure_codes::{self, FailureCode},
};
use crate::{
    domain::{clock::Timestamp, money::Money},
    upstream::intents::wire::WirePaymentMethod,
};

/// A refund.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    /// Under way; its amount is reserved.
    Pending,
    /// The money was given back.
    Succeeded,
    /// The money was not given back, or came back, for this reason.
    Failed(#[serde(deserialize_with = "failure_codes::read")] FailureCode),
}

/// A saved payment method: of a card only the masked number and what its number does are kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedMethod {
    #[serde(deserialize_with = "as_written")]
    pub shown: WirePaymentMethod,
    pub effect: CardEffect,
}
