//! Refusals of what the state of an intent does not allow.

use std::time::Duration;

use crate::{
    domain::payment_intent::PaymentIntent,
    error::{Error, Reason},
};

/// When it is worth asking again about an attempt that is under way.
const ATTEMPT_RETRY: Duration = Duration::from_secs(2);

pub(super) fn attempt_in_doubt(intent: &PaymentIntent) -> Error {
    let message = "an attempt to pay this intent is under way, or its outcome is not known yet";
    Error::new(Reason::AttemptInDoubt, message).with("state", intent.state.as_str()).retry_after(ATTEMPT_RETRY)
}

pub(super) fn wrong_state(intent: &PaymentIntent, verb: &str) -> Error {
    let message = format!("a payment intent in state {} cannot be {verb}", intent.state.as_str());
    Error::new(Reason::PaymentIntentState, message).with("state", intent.state.as_str())
}
