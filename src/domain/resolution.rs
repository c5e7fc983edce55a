//! How a person ends an operation whose outcome the gateway could not find out: what may be said of which operation, and
//! what it means for the payment or the refund. Late truth still wins: Corefy is asked about both for another week.

use super::{
    clock::Timestamp,
    decline::RESOLVED_BY_OPERATOR,
    event::EventType,
    operation::{LONGEST_SEND, Operation, OperationState, SETTLE_MARGIN},
    payment_intent::{PaymentIntent, PaymentIntentState},
    refund::{Refund, RefundFailure, RefundState},
};

/// The outcome of an operation as an operator states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedOutcome {
    /// Corefy did it: the money moved, or the object exists.
    Succeeded,
    /// Corefy did not do it, and will not.
    Failed,
}

impl StatedOutcome {
    /// Both, for tables and tests.
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    /// The word for it in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// Why an operation cannot be resolved as stated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolvable {
    /// It has an outcome already, or the call that reserved it is not over.
    #[error("it is {}; only what is in_doubt or needs_operator can be resolved", .0.as_str())]
    State(OperationState),
    /// Somebody is finding out about it.
    #[error("the gateway is asking Corefy about it until {0} at most; look again then")]
    Held(Timestamp),
    /// Its request may yet reach Corefy, beside an attempt that would begin after the statement.
    #[error("its request may still reach Corefy; it can be stated as failed from {0} on")]
    UnderWay(Timestamp),
    /// The object has come to another end.
    #[error("{id} is {state} by now, which does not become {stated}", stated = .stated.as_str())]
    Contradicted {
        /// The object.
        id: String,
        /// Its state.
        state: &'static str,
        /// The stated outcome.
        stated: StatedOutcome,
    },
    /// The received amount is not between one minor unit and the intent's amount.
    #[error("the received amount must be more than nothing and at most {0}")]
    Received(String),
}

impl Operation {
    /// Whether an operator may end it at `now` as stated: as failed only when it cannot arrive any more, whatever timeout its gateway
    /// has.
    pub fn may_be_resolved(&self, stated: StatedOutcome, now: Timestamp) -> Result<(), Unresolvable> {
        match self.state {
            state @ (OperationState::Sent | OperationState::Done) => Err(Unresolvable::State(state)),
            _ if self.is_held(now) => Err(Unresolvable::Held(self.lease_until)),
            _ if stated == StatedOutcome::Failed && self.may_be_under_way(now, LONGEST_SEND) => {
                Err(Unresolvable::UnderWay(self.sent_at + LONGEST_SEND + SETTLE_MARGIN))
            }
            OperationState::InDoubt | OperationState::NeedsOperator => Ok(()),
        }
    }
}

impl PaymentIntent {
    /// Ends the attempt under way as stated; `received`, in minor units, counts for a success. `None`: it had come to
    /// that end already.
    pub fn resolve_attempt(
        &mut self,
        stated: StatedOutcome,
        received: i64,
        now: Timestamp,
    ) -> Result<Option<EventType>, Unresolvable> {
        use PaymentIntentState as State;
        match (stated, self.state) {
            (StatedOutcome::Succeeded, State::Processing | State::RequiresAction) => {
                self.receive_as_stated(received, now).map(Some)
            }
            (StatedOutcome::Failed, State::Processing) => {
                self.give_up_attempt(RESOLVED_BY_OPERATOR, "an operator found that nothing was charged", now);
                Ok(Some(EventType::PaymentIntentPaymentFailed))
            }
            (StatedOutcome::Succeeded, State::Succeeded | State::PartiallyPaid)
            | (StatedOutcome::Failed, State::RequiresPaymentMethod | State::RequiresConfirmation | State::Canceled) => {
                Ok(None)
            }
            (_, state) => Err(contradicted(self.id.as_str(), state.as_str(), stated)),
        }
    }

    fn receive_as_stated(&mut self, received: i64, now: Timestamp) -> Result<EventType, Unresolvable> {
        if !(1..=self.amount.minor).contains(&received) {
            return Err(Unresolvable::Received(format!("{} {}", self.amount, self.amount.currency.code())));
        }
        let is_whole = received == self.amount.minor;
        self.received = received;
        self.progress = self.progress.afresh();
        self.enter(if is_whole { PaymentIntentState::Succeeded } else { PaymentIntentState::PartiallyPaid }, now);
        self.watch(now);
        Ok(if is_whole { EventType::PaymentIntentSucceeded } else { EventType::PaymentIntentPartiallyPaid })
    }
}

impl Refund {
    /// The state that the stated outcome brings the refund into, why when it fails, and the event that tells of it.
    /// `None`: it had come to that end already.
    pub fn resolve(
        &self,
        stated: StatedOutcome,
    ) -> Result<Option<(RefundState, Option<RefundFailure>, EventType)>, Unresolvable> {
        let failure = || RefundFailure {
            code: RESOLVED_BY_OPERATOR.to_owned(),
            message: "an operator found that nothing was given back".to_owned(),
        };
        match (stated, self.state) {
            (StatedOutcome::Succeeded, RefundState::Pending) => {
                Ok(Some((RefundState::Succeeded, None, EventType::RefundSucceeded)))
            }
            (StatedOutcome::Failed, RefundState::Pending) => {
                Ok(Some((RefundState::Failed, Some(failure()), EventType::RefundFailed)))
            }
            (StatedOutcome::Succeeded, RefundState::Succeeded)
            | (StatedOutcome::Failed, RefundState::Failed | RefundState::Canceled) => Ok(None),
            (_, state) => Err(contradicted(self.id.as_str(), state.as_str(), stated)),
        }
    }
}

fn contradicted(id: &str, state: &'static str, stated: StatedOutcome) -> Unresolvable {
    Unresolvable::Contradicted { id: id.to_owned(), state, stated }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(StatedOutcome::ALL.into_iter().all(|stated| StatedOutcome::parse(stated.as_str()) == Some(stated)));
        assert_eq!(StatedOutcome::parse("unknown"), None);
    }
}
