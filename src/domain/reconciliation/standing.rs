//! How two states stand to each other: the same, one on its way to the other, or neither.

use super::{difference::Certainty, theirs::TheirState};
use crate::domain::{payment_intent::PaymentIntentState as State, refund::RefundState};

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
pub(super) fn of_payments(here: State, there: TheirState<'_>) -> Standing {
    use Standing::{Contradiction, Progress, Same};
    match there {
        TheirState::AwaitingConfirmation => match here {
            State::RequiresConfirmation | State::RequiresPaymentMethod | State::Canceled => Same,
            State::RequiresAction | State::Processing | State::Succeeded | State::PartiallyPaid => Progress,
        },
        TheirState::RequiresAction => match here {
            State::RequiresAction => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::Processing
            | State::Succeeded
            | State::PartiallyPaid => Progress,
            State::Canceled => Contradiction,
        },
        TheirState::Processing => match here {
            State::Processing => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::RequiresAction
            | State::Succeeded
            | State::PartiallyPaid => Progress,
            State::Canceled => Contradiction,
        },
        TheirState::Paid => match here {
            State::Succeeded | State::PartiallyPaid => Same,
            State::RequiresConfirmation
            | State::RequiresPaymentMethod
            | State::RequiresAction
            | State::Processing
            | State::Canceled => Progress,
        },
        TheirState::Failed => match here {
            State::RequiresPaymentMethod | State::Canceled => Same,
            State::RequiresConfirmation | State::RequiresAction | State::Processing => Progress,
            State::Succeeded | State::PartiallyPaid => Contradiction,
        },
        TheirState::Canceled => match here {
            State::Canceled => Same,
            State::RequiresConfirmation | State::RequiresPaymentMethod | State::RequiresAction | State::Processing => {
                Progress
            }
            State::Succeeded | State::PartiallyPaid => Contradiction,
        },
        TheirState::Unknown(_) => Progress,
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
