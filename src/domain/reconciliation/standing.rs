//! How two states stand to each other: the same, one on its way to the other, or neither.

use super::difference::Certainty;
use crate::domain::{payment_intent::PaymentIntentState as State, refund::RefundState, snapshot::PaymentStatus};

/// How a state here stands to one at Corefy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They mean the same.
    Same,
    /// One of the two may only know less of something under way.
    Progress,
    /// No news makes one of the other.
    Contradiction,
}

impl Standing {
    /// Whether a difference of this standing stays; `None` when there is none.
    pub fn certainty(self, is_under_way: bool) -> Option<Certainty> {
        match self {
            Self::Same => None,
            Self::Progress if is_under_way => Some(Certainty::Pending),
            Self::Progress | Self::Contradiction => Some(Certainty::Real),
        }
    }
}

/// Of payments. A state is the same where merging Corefy's word would leave it: a cancellation is ours alone, and an attempt that
/// was given up leaves no trace there.
pub(super) fn of_payments(here: State, there: &PaymentStatus) -> Standing {
    use Standing::{Contradiction, Progress, Same};
    match there {
        PaymentStatus::AwaitingConfirmation => match here {
            State::RequiresConfirmation | State::RequiresPaymentMethod | State::Canceled => Same,
            State::RequiresAction | State::Processing | State::Succeeded | State::PartiallyPaid => Progress,
        },
        PaymentStatus::RequiresAction(_) => match here {
            State::RequiresAction => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::Processing
            | State::Succeeded
            | State::PartiallyPaid => Progress,
            State::Canceled => Contradiction,
        },
        PaymentStatus::Processing => match here {
            State::Processing => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::RequiresAction
            | State::Succeeded
            | State::PartiallyPaid => Progress,
            State::Canceled => Contradiction,
        },
        PaymentStatus::Paid => match here {
            State::Succeeded | State::PartiallyPaid => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::RequiresAction
            | State::Processing
            | State::Canceled => Progress,
        },
        PaymentStatus::Failed(_) => match here {
            State::RequiresPaymentMethod | State::Canceled => Same,
            State::RequiresConfirmation | State::RequiresAction | State::Processing => Progress,
            State::Succeeded | State::PartiallyPaid => Contradiction,
        },
        PaymentStatus::Canceled => match here {
            State::Canceled => Same,
            State::RequiresConfirmation | State::RequiresPaymentMethod | State::RequiresAction | State::Processing => {
                Progress
            }
            State::Succeeded | State::PartiallyPaid => Contradiction,
        },
        PaymentStatus::Unknown(_) => Progress,
    }
}

/// Of refunds. A refund that failed and one that was withdrawn gave nothing back.
pub(super) fn of_refunds(here: RefundState, there: Option<RefundState>) -> Standing {
    use Standing::{Contradiction, Progress, Same};
    let Some(there) = there else { return Progress };
    match here {
        RefundState::Pending => match there {
            RefundState::Pending => Same,
            RefundState::Succeeded | RefundState::Failed | RefundState::Canceled => Progress,
        },
        RefundState::Succeeded => match there {
            RefundState::Succeeded => Same,
            RefundState::Pending | RefundState::Failed => Progress,
            RefundState::Canceled => Contradiction,
        },
        RefundState::Failed | RefundState::Canceled => match there {
            RefundState::Failed | RefundState::Canceled => Same,
            RefundState::Pending | RefundState::Succeeded => Progress,
        },
    }
}

/// The word for how a payment stands at Corefy: Corefy's own, where the gateway does not know it.
pub fn status_word(status: &PaymentStatus) -> &str {
    match status {
        PaymentStatus::AwaitingConfirmation => "requires_confirmation",
        PaymentStatus::RequiresAction(_) => "requires_action",
        PaymentStatus::Processing => "processing",
        PaymentStatus::Paid => "succeeded",
        PaymentStatus::Failed(_) => "failed",
        PaymentStatus::Canceled => "canceled",
        PaymentStatus::Unknown(word) => word,
    }
}
