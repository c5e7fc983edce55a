//! The operation journal: one row for every mutating call, written before anything is sent and finished only when its
//! outcome is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{OperationId, PartnerId, PaymentIntentId},
};

/// What kind of call an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// `CreatePaymentIntent`.
    CreatePaymentIntent,
    /// `ConfirmPaymentIntent`: the one that charges.
    ConfirmPaymentIntent,
    /// `CancelPaymentIntent`: ours alone, nothing is sent.
    CancelPaymentIntent,
    /// `CreateRefund`.
    CreateRefund,
    /// `CreateCustomer`.
    CreateCustomer,
    /// `CreatePaymentMethod`.
    CreatePaymentMethod,
}

impl OperationKind {
    /// All kinds, for tables and tests.
    pub const ALL: [Self; 6] = [
        Self::CreatePaymentIntent,
        Self::ConfirmPaymentIntent,
        Self::CancelPaymentIntent,
        Self::CreateRefund,
        Self::CreateCustomer,
        Self::CreatePaymentMethod,
    ];

    /// The word for it in the store and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatePaymentIntent => "create_payment_intent",
            Self::ConfirmPaymentIntent => "confirm_payment_intent",
            Self::CancelPaymentIntent => "cancel_payment_intent",
            Self::CreateRefund => "create_refund",
            Self::CreateCustomer => "create_customer",
            Self::CreatePaymentMethod => "create_payment_method",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Reserved; the call to Corefy may have been sent. Whoever holds the lease is at it.
    Sent,
    /// Sent, and the outcome is not known. Corefy is asked at the times of [`next_check`].
    InDoubt,
    /// Asked for seven days, or Corefy's answer contradicts ours: a person has to look.
    NeedsOperator,
    /// The outcome is known and the answer frozen.
    Done,
}

impl OperationState {
    /// All states, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Sent, Self::InDoubt, Self::NeedsOperator, Self::Done];

    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::InDoubt => "in_doubt",
            Self::NeedsOperator => "needs_operator",
            Self::Done => "done",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Older than every version of Corefy's, those that it does not give among them.
pub const BEFORE_ALL: Timestamp = Timestamp(-1);

/// One mutating call, from its reservation to its known end.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Our id; Corefy gets it as `Idempotency-Key`.
    pub id: OperationId,
    /// Who called.
    pub partner_id: PartnerId,
    /// What was called.
    pub kind: OperationKind,
    /// The id of the object it makes or moves.
    pub subject_id: String,
    /// The intent whose money it moves, when it moves any: looking that up tells of this operation.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// How far it has come.
    pub state: OperationState,
    /// Counts the holders of the lease; an outcome is written only under the epoch that was claimed.
    pub epoch: i64,
    /// Until when the holder of the lease may work on it.
    pub lease_until: Timestamp,
    /// When it was reserved, just before it was sent.
    pub sent_at: Timestamp,
    /// How often Corefy was asked and cleanly knew nothing of it.
    pub misses: i64,
    /// The intent's upstream version at the time it was sent, when there was an attempt before: what Corefy shows must be
    /// newer to tell of this operation. Else [`BEFORE_ALL`].
    pub baseline: Timestamp,
    /// The request it came with, for logs.
    pub request_id: String,
}

impl Operation {
    /// Whether this is still the call that reserved it, and not recovery after it.
    pub fn is_first_holder(&self) -> bool {
        self.epoch == 1
    }
}

/// How long sending may take beside the upstream timeout: waiting for the budget, and connecting again.
pub const SEND_MARGIN: Duration = Duration::from_secs(15);
/// How long the first holder may take to settle after it stopped sending.
pub const SETTLE_MARGIN: Duration = Duration::from_secs(15);
/// How long a webhook is held by the worker that claimed it, and an operation beside the time that asking takes.
pub const RECOVERY_LEASE: Duration = Duration::from_secs(60);
/// Before this age nothing that Corefy does not know counts as absent: it may still be on its way.
pub const ABSENT_AFTER: Duration = Duration::from_secs(120);
/// How many clean misses it takes for absent, at least.
pub const ABSENT_MISSES: i64 = 3;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// When an operation that was sent at `sent_at` is to be looked up next: 2, 5, 15, 45 s, 2, 5, 15 min and 1 h after it
/// was sent, hourly to 24 h, daily to 7 d; `None` when that is over.
pub fn next_check(sent_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    const FIRST: [u64; 8] = [2, 5, 15, 45, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];
    let age = now.since(sent_at).as_secs();
    let at = FIRST
        .into_iter()
        .chain((2..=24).map(|hours| hours * HOUR))
        .chain((2..=7).map(|days| days * DAY))
        .find(|&at| at > age)?;
    Some(sent_at + Duration::from_secs(at))
}

/// Whether an operation that Corefy knew nothing of `misses` times is certain never to have reached it.
pub fn is_absent(sent_at: Timestamp, now: Timestamp, misses: i64) -> bool {
    now.since(sent_at) >= ABSENT_AFTER && misses >= ABSENT_MISSES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_grow_apart_and_end_after_seven_days() {
        let sent = Timestamp::from_seconds(1_000_000);
        let mut now = sent;
        let mut offsets = Vec::new();
        while let Some(next) = next_check(sent, now) {
            offsets.push(next.since(sent).as_secs());
            now = next;
        }
        assert_eq!(offsets[..9], [2, 5, 15, 45, 120, 300, 900, 3600, 7200]);
        assert_eq!(offsets.len(), 8 + 23 + 6);
        assert_eq!(offsets.last(), Some(&(7 * 24 * 3600)));
    }

    #[test]
    fn nothing_is_absent_before_two_minutes_and_three_misses() {
        let sent = Timestamp::from_seconds(0);
        assert!(!is_absent(sent, Timestamp::from_seconds(119), 9));
        assert!(!is_absent(sent, Timestamp::from_seconds(120), 2));
        assert!(is_absent(sent, Timestamp::from_seconds(120), 3));
    }

    #[test]
    fn words_read_back() {
        assert!(OperationKind::ALL.into_iter().all(|kind| OperationKind::parse(kind.as_str()) == Some(kind)));
        assert!(OperationState::ALL.into_iter().all(|state| OperationState::parse(state.as_str()) == Some(state)));
    }
}
