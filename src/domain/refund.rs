//! Refunds: money on its way back, the states it can be in, and how each move shifts the intent's sums.

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    customer::Metadata,
    decline::{RESOLVED_BY_OPERATOR, UPSTREAM_NO_RECORD},
    ids::{PartnerId, PaymentIntentId, RefundId},
    money::Money,
};

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Under way, or the outcome is not known; its amount is reserved.
    Pending,
    /// The money was given back.
    Succeeded,
    /// The money was not given back.
    Failed,
    /// Withdrawn before it was carried out.
    Canceled,
}

use RefundState as State;

impl RefundState {
    /// All states, for tables and tests.
    pub const ALL: [State; 4] = [State::Pending, State::Succeeded, State::Failed, State::Canceled];

    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Canceled => "canceled",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the gateway may move a refund from here to `next`. A success can be returned by the bank; a failure can
    /// turn out to have been a success (late truth).
    pub fn may_become(self, next: Self) -> bool {
        match self {
            State::Pending => match next {
                State::Succeeded | State::Failed | State::Canceled => true,
                State::Pending => false,
            },
            State::Succeeded => match next {
                State::Failed => true,
                State::Pending | State::Succeeded | State::Canceled => false,
            },
            State::Failed | State::Canceled => match next {
                State::Succeeded => true,
                State::Pending | State::Failed | State::Canceled => false,
            },
        }
    }

    /// The share of a refund of `amount` minor units in this state in its intent's sums: (pending, refunded).
    pub fn share(self, amount: i64) -> (i64, i64) {
        match self {
            State::Pending => (amount, 0),
            State::Succeeded => (0, amount),
            State::Failed | State::Canceled => (0, 0),
        }
    }
}

/// Money on its way back to a payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Our id.
    pub id: RefundId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// The intent it gives money back of.
    pub payment_intent_id: PaymentIntentId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// Where it stands.
    pub state: RefundState,
    /// How much.
    pub amount: Money,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The details that the caller gave at creation.
    pub details: RefundDetails,
    /// Why it failed.
    pub failure: Option<RefundFailure>,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When what was written about it was erased with its payer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl Refund {
    /// Notes that it changed. Of a payer who was erased nothing is kept again.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
        if let Some(erased_at) = self.erased_at {
            self.strip(erased_at);
        }
    }

    /// Whether it is pending only as far as we know: Corefy's answer to its creation is missing.
    pub fn is_outcome_unknown(&self) -> bool {
        self.state == State::Pending && self.upstream_id.is_none()
    }
}

/// The details that a caller gives of a refund; they do not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundDetails {
    /// May be empty.
    pub reason: String,
    /// As given.
    pub metadata: Metadata,
}

/// Why a refund failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFailure {
    /// Stable code in lower snake case.
    pub code: String,
    /// A sentence for the merchant, as Corefy has it.
    pub message: String,
}

impl RefundFailure {
    /// Whether the refund was given up rather than refused, so that Corefy may still show it.
    pub fn is_given_up(&self) -> bool {
        [UPSTREAM_NO_RECORD, RESOLVED_BY_OPERATOR].contains(&self.code.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pending_or_failed_refund_can_succeed() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            assert_eq!(state.may_become(State::Succeeded), state != State::Succeeded);
            assert!(!state.may_become(State::Pending), "{state:?}");
        }
    }

    #[test]
    fn a_refund_takes_its_amount_at_most_once() {
        for state in State::ALL {
            let (pending, refunded) = state.share(7);
            assert!(pending + refunded <= 7, "{state:?}");
        }
    }
}
