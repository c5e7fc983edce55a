//! The attempts to pay an intent, as a list shows them: those that came to nothing, and the last, which stands as the intent does.

use super::{
    decline::PaymentError,
    payment_intent::{Attempt, EndedAttempt, PaymentIntent, PaymentIntentState},
};

/// An attempt, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// Where it stands.
    pub state: AttemptState,
    /// Corefy's id of what was to be paid.
    pub upstream_id: Option<String>,
    /// Why it did not succeed, if that was told.
    pub error: Option<PaymentError>,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// Under way, or its outcome is not known yet.
    Processing,
    /// The payer has to act.
    RequiresAction,
    /// Money was received.
    Succeeded,
    /// It came to nothing.
    Failed,
}

impl PaymentIntent {
    /// The attempts to pay it, oldest first: the last [`super::payment_intent::MOST_ENDED_ATTEMPTS`] and one at most.
    pub fn attempts(self) -> Vec<ListedAttempt> {
        let state = self.last_attempt_state();
        let last = self.progress.attempt.map(|attempt| ListedAttempt {
            attempt,
            state,
            upstream_id: self.upstream_id,
            error: self.progress.last_error.filter(|_| state == AttemptState::Failed),
        });
        self.progress.ended_attempts.into_iter().map(ListedAttempt::from).chain(last).collect()
    }

    fn last_attempt_state(&self) -> AttemptState {
        match self.state {
            PaymentIntentState::Processing => AttemptState::Processing,
            PaymentIntentState::RequiresAction => AttemptState::RequiresAction,
            PaymentIntentState::Succeeded | PaymentIntentState::PartiallyPaid => AttemptState::Succeeded,
            // A payer who went without acting leaves the intent as it was before.
            PaymentIntentState::RequiresPaymentMethod
            | PaymentIntentState::RequiresConfirmation
            | PaymentIntentState::Canceled => AttemptState::Failed,
        }
    }
}

impl From<EndedAttempt> for ListedAttempt {
    fn from(ended: EndedAttempt) -> Self {
        let EndedAttempt { attempt, upstream_id, error } = ended;
        Self { attempt, state: AttemptState::Failed, upstream_id, error }
    }
}
