//! A payment as Corefy has it, from its answer or from a file of its books.

use crate::domain::{
    clock::Timestamp,
    money::Money,
    snapshot::{PaymentSnapshot, PaymentStatus, RefundSnapshot},
};

/// Corefy's side of a payment of ours.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// The payment.
    Payment(TheirPayment<'a>),
    /// For certain that it has no record of it.
    Absent,
    /// Nothing: a list has no row of it. Lists may leave out what was never paid.
    NotListed,
}

/// How a payment stands at Corefy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TheirState<'a> {
    /// Created, no attempt made.
    AwaitingConfirmation,
    /// The payer has to act.
    RequiresAction,
    /// Under way.
    Processing,
    /// Money was received, whatever has become of it since.
    Paid,
    /// The attempt failed.
    Failed,
    /// Can no longer be paid.
    Canceled,
    /// Corefy's own word, which we do not know: not final, whatever it means.
    Unknown(&'a str),
}

impl<'a> TheirState<'a> {
    /// Reads a state as files of books write it, in upper or lower case. What was given back was received before.
    pub fn parse(word: &'a str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "requires_confirmation" | "created" | "new" => Self::AwaitingConfirmation,
            "requires_action" => Self::RequiresAction,
            "processing" | "process_pending" | "pending" | "in_progress" => Self::Processing,
            "succeeded" | "success" | "paid" | "processed" | "captured" | "completed" | "settled" | "refunded"
            | "partially_refunded" | "charged_back" => Self::Paid,
            "failed" | "process_failed" | "declined" | "rejected" | "error" => Self::Failed,
            "canceled" | "cancelled" | "expired" | "voided" => Self::Canceled,
            _ => Self::Unknown(word.trim()),
        }
    }

    /// The word for it; Corefy's own, where the gateway does not know it.
    pub fn word(self) -> &'a str {
        match self {
            Self::AwaitingConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Paid => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Unknown(word) => word,
        }
    }
}

impl<'a> From<&'a PaymentStatus> for TheirState<'a> {
    fn from(status: &'a PaymentStatus) -> Self {
        match status {
            PaymentStatus::AwaitingConfirmation => Self::AwaitingConfirmation,
            PaymentStatus::RequiresAction(_) => Self::RequiresAction,
            PaymentStatus::Processing => Self::Processing,
            PaymentStatus::Paid => Self::Paid,
            PaymentStatus::Failed(_) => Self::Failed,
            PaymentStatus::Canceled => Self::Canceled,
            PaymentStatus::Unknown(word) => Self::Unknown(word),
        }
    }
}

/// A payment as Corefy has it.
#[derive(Clone, Copy, Debug)]
pub struct TheirPayment<'a> {
    /// How it stands.
    pub state: TheirState<'a>,
    /// The amount to be paid; `None` when Corefy does not state it.
    pub amount: Option<Money>,
    /// The amount received, in minor units.
    pub received: i64,
    /// The amount that the payer's bank has taken back, in minor units; `None` when Corefy does not state it.
    pub charged_back: Option<i64>,
    /// Its refunds.
    pub refunds: TheirRefunds<'a>,
    /// Corefy's own time of this state; zero when it gives none.
    pub version: Timestamp,
}

/// The refunds of a payment as Corefy has them.
#[derive(Clone, Copy, Debug)]
pub enum TheirRefunds<'a> {
    /// Every one.
    Each(&'a [RefundSnapshot]),
    /// The sum of those that succeeded, in minor units.
    Sum(i64),
    /// Nothing is known of them.
    Unknown,
}

impl<'a> From<&'a PaymentSnapshot> for TheirPayment<'a> {
    fn from(snapshot: &'a PaymentSnapshot) -> Self {
        Self {
            state: (&snapshot.status).into(),
            amount: snapshot.amount,
            received: snapshot.received,
            charged_back: Some(snapshot.charged_back),
            refunds: snapshot.refunds.as_deref().map_or(TheirRefunds::Unknown, TheirRefunds::Each),
            version: snapshot.version,
        }
    }
}

impl TheirPayment<'_> {
    /// Whether money was received.
    pub(super) fn is_paid(&self) -> bool {
        self.state == TheirState::Paid
    }
}
