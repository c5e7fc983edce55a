//! A payment as the sandbox keeps it, and the webhook about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    commerce::invoice::Invoice,
    failure_codes::{self, FailureCode},
    script::{SCRIPT_KEY, Script},
};
use crate::{
    domain::{clock::Timestamp, money::Money, next_action::DisplayKind},
    upstream::intents::wire::{Amount, CreateIntentBody, Moment, WireWebhook},
};

/// The prefix of an intent's id.
pub(super) const INTENT_PREFIX: &str = "in_";
const PAYMENT_PREFIX: &str = "cfpay_";

/// The code of an attempt that was not paid in time.
pub const EXPIRED: &str = "payment_expired";

/// The code of an attempt that the payer gave up.
pub(super) const GIVEN_UP: &str = "canceled_by_payer";

/// The details that a payer was shown, and when they expire.
pub(super) type DisplayOutcome = (DisplayKind, Timestamp);

/// A payment intent and its payment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SandboxPayment {
    pub id: String,
    pub payment_id: String,
    pub status: SandboxStatus,
    /// The details that the payer was shown, for a payment made elsewhere.
    pub shown: Option<DisplayOutcome>,
    pub amount: Money,
    /// The amount that the payer's bank has taken back, in minor units.
    pub charged_back: i64,
    pub payment_method: String,
    pub customer_id: Option<String>,
    pub reference: Option<String>,
    pub description: Option<String>,
    pub callback_url: Option<String>,
    pub failure_url: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// The outcomes that its metadata asks for.
    pub script: Option<Script>,
    /// The invoice that it is of in the `commerce` dialect.
    pub invoice: Option<Box<Invoice>>,
    /// The code that the attempt under way fails with although the payer approves.
    #[serde(deserialize_with = "failure_codes::read_optional")]
    pub doom: Option<FailureCode>,
    /// Oldest first.
    pub refund_ids: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SandboxStatus {
    RequiresConfirmation,
    RequiresAction,
    Processing,
    /// The amount was charged.
    Succeeded,
    /// The attempt failed with this code; another may be made.
    Failed(#[serde(deserialize_with = "failure_codes::read")] FailureCode),
    Canceled,
}

impl SandboxStatus {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The type of the webhook that reports it.
    pub fn event(self) -> Option<&'static str> {
        match self {
            Self::RequiresAction => Some("payment.requires_action"),
            Self::Succeeded => Some("payment.succeeded"),
            Self::Failed(_) => Some("payment.failed"),
            Self::RequiresConfirmation | Self::Processing | Self::Canceled => None,
        }
    }
}

impl SandboxPayment {
    /// A payment of nobody and nothing yet, with these ids.
    pub fn new(id: String, payment_id: String, amount: Money, now: Timestamp) -> Self {
        Self {
            id,
            payment_id,
            status: SandboxStatus::RequiresConfirmation,
            shown: None,
            amount,
            charged_back: 0,
            payment_method: String::new(),
            customer_id: None,
            reference: None,
            description: None,
            callback_url: None,
            failure_url: None,
            metadata: BTreeMap::new(),
            script: None,
            invoice: None,
            doom: None,
            refund_ids: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The payment of a new intent.
    pub fn of_intent(id: String, request: CreateIntentBody, amount: Money, now: Timestamp) -> Self {
        let payment_id = id.replacen(INTENT_PREFIX, PAYMENT_PREFIX, 1);
        Self {
            payment_method: request.payment_method,
            customer_id: request.customer_id,
            reference: request.reference_id,
            description: request.description,
            callback_url: request.callback_url,
            failure_url: request.failure_url,
            script: request.metadata.get(SCRIPT_KEY).and_then(|text| Script::parse(text).ok()),
            metadata: request.metadata,
            ..Self::new(id, payment_id, amount, now)
        }
    }

    /// Whether no attempt can be made any more.
    pub fn is_over(&self) -> bool {
        matches!(self.status, SandboxStatus::Succeeded | SandboxStatus::Failed(_) | SandboxStatus::Canceled)
    }

    /// Notes a change: the time of it is later than that of every change before.
    pub fn touch(&mut self, now: Timestamp) {
        self.updated_at = now.max(Timestamp(self.updated_at.0 + 1));
    }

    /// The webhook `event_id` about this payment.
    pub fn webhook(&self, event_id: String, event_type: &str, now: Timestamp) -> WireWebhook {
        WireWebhook {
            event_type: event_type.to_owned(),
            event_id,
            event_time: Some(Moment(now)),
            payment_id: Some(self.payment_id.clone()),
            payment_intent_id: Some(self.id.clone()),
            customer_id: self.customer_id.clone(),
            amount: Some(Amount(self.amount.major())),
            currency: Some(self.amount.currency.code().to_owned()),
            status: Some(self.status.word().to_owned()),
            payment_method: Some(self.payment_method.clone()),
            reference_id: self.reference.clone(),
            metadata: Some(json!(self.metadata)),
        }
    }
}

/// The intent's id, from itself or its payment's.
pub(super) fn intent_id_of(id: &str) -> String {
    id.strip_prefix(PAYMENT_PREFIX).map_or_else(|| id.to_owned(), |rest| format!("{INTENT_PREFIX}{rest}"))
}
