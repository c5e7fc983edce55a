//! The states of a payment intent, and which may follow which.

use serde::{Deserialize, Serialize};

/// Where an intent stands. `SUCCEEDED`, `PARTIALLY_PAID` and `CANCELED` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentIntentState {
    /// The last attempt failed; another may be made.
    RequiresPaymentMethod,
    /// Created, never confirmed.
    RequiresConfirmation,
    /// The payer has to act.
    RequiresAction,
    /// Under way, or the outcome is not known.
    Processing,
    /// Paid in full.
    Succeeded,
    /// Less than the amount was received, and nothing more is to come.
    PartiallyPaid,
    /// Can no longer be paid.
    Canceled,
}

use PaymentIntentState as State;

impl PaymentIntentState {
    /// All states, for tables and tests.
    pub const ALL: [State; 7] = [
        State::RequiresPaymentMethod,
        State::RequiresConfirmation,
        State::RequiresAction,
        State::Processing,
        State::Succeeded,
        State::PartiallyPaid,
        State::Canceled,
    ];

    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            State::RequiresPaymentMethod => "requires_payment_method",
            State::RequiresConfirmation => "requires_confirmation",
            State::RequiresAction => "requires_action",
            State::Processing => "processing",
            State::Succeeded => "succeeded",
            State::PartiallyPaid => "partially_paid",
            State::Canceled => "canceled",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether money has been received for good: nothing but refunds and chargebacks can follow.
    pub fn is_paid(self) -> bool {
        match self {
            State::Succeeded | State::PartiallyPaid => true,
            State::RequiresPaymentMethod
            | State::RequiresConfirmation
            | State::RequiresAction
            | State::Processing
            | State::Canceled => false,
        }
    }

    /// Whether an attempt is alive, so that no second one may begin.
    pub fn is_attempting(self) -> bool {
        match self {
            State::RequiresAction | State::Processing => true,
            State::RequiresPaymentMethod
            | State::RequiresConfirmation
            | State::Succeeded
            | State::PartiallyPaid
            | State::Canceled => false,
        }
    }

    /// Whether the gateway may move an intent from here to `next`.
    ///
    /// An attempt goes round from `PROCESSING` by way of the payer to an end or back to a new method; paid is for ever;
    /// a canceled intent can only turn out to have been paid after all.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            State::RequiresConfirmation | State::RequiresPaymentMethod => match next {
                State::RequiresPaymentMethod
                | State::RequiresAction
                | State::Processing
                | State::Succeeded
                | State::PartiallyPaid
                | State::Canceled => self != next,
                State::RequiresConfirmation => false,
            },
            State::RequiresAction | State::Processing => match next {
                State::RequiresConfirmation
                | State::RequiresPaymentMethod
                | State::RequiresAction
                | State::Processing
                | State::Succeeded
                | State::PartiallyPaid
                | State::Canceled => self != next,
            },
            State::PartiallyPaid => match next {
                State::Succeeded => true,
                State::RequiresPaymentMethod
                | State::RequiresConfirmation
                | State::RequiresAction
                | State::Processing
                | State::PartiallyPaid
                | State::Canceled => false,
            },
            State::Canceled => match next {
                State::Succeeded | State::PartiallyPaid => true,
                State::RequiresPaymentMethod
                | State::RequiresConfirmation
                | State::RequiresAction
                | State::Processing
                | State::Canceled => false,
            },
            State::Succeeded => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_states_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn what_is_paid_stays_paid() {
        for state in State::ALL.into_iter().filter(|state| state.is_paid()) {
            for next in State::ALL.into_iter().filter(|next| !next.is_paid()) {
                assert!(!state.may_become(next), "{state:?} to {next:?}");
            }
        }
    }

    #[test]
    fn no_state_becomes_itself() {
        for state in State::ALL {
            assert!(!state.may_become(state), "{state:?}");
        }
    }
}
