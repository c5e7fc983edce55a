//! How far an intent has come beside its state and its sums: the last attempt, what came of it, and when it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    card::MaskedCard,
    clock::Timestamp,
    decline::{PaymentError, RESOLVED_BY_OPERATOR, UPSTREAM_NO_RECORD},
    ids::{AttemptId, PaymentMethodId, RiskDecisionId},
    network_references::NetworkReferences,
    next_action::NextAction,
};

/// How far an intent has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The last attempt.
    pub attempt: Option<Attempt>,
    /// The attempts before the last that came to nothing, oldest first, at most [`MOST_ENDED_ATTEMPTS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended_attempts: Vec<EndedAttempt>,
    /// How many attempts were begun, those that were certainly not made left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// The number of the last attempt that was begun, counted from 1: no other ever has it, whatever came of that one.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempt_number: u32,
    /// Whether Corefy's answer to the creation or the attempt under way is missing.
    pub is_unanswered: bool,
    /// The payer's next step, in `REQUIRES_ACTION`.
    pub next_action: Option<NextAction>,
    /// Why the last attempt did not succeed.
    pub last_error: Option<PaymentError>,
    /// The references of the payment that was received, as far as they are known.
    #[serde(skip_serializing_if = "NetworkReferences::is_empty")]
    pub network_references: NetworkReferences,
    /// Until when Corefy is asked although nothing is under way, because something was given up.
    pub watch_until: Option<Timestamp>,
    /// Since when Corefy has contradicted what we know of the payment; none once it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contradicted_since: Option<Timestamp>,
    /// Whether an operator was told of a contradiction that an answer has confirmed.
    pub is_contradiction_reported: bool,
    /// Whether an operator was told that it has long had no outcome.
    pub is_overdue_reported: bool,
    /// When it was known to be paid in full.
    pub succeeded_at: Option<Timestamp>,
    /// When it was canceled.
    pub canceled_at: Option<Timestamp>,
    /// Why the caller canceled it; may be empty.
    pub cancellation_reason: String,
    /// When the payer was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

/// How many attempts that came to nothing an intent keeps; of older ones it has only the number of all.
pub const MOST_ENDED_ATTEMPTS: usize = 20;

/// How long Corefy is asked about what was given up.
pub const WATCH: Duration = Duration::from_secs(7 * 24 * 3600);

/// An attempt to pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Its id; attempts of the first versions have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<AttemptId>,
    /// Its number among the attempts of the intent, counted from 1. Those that were certainly not made leave gaps.
    pub number: u32,
    /// When it was begun.
    pub started_at: Timestamp,
    /// The saved method, when it was one.
    pub payment_method_id: Option<PaymentMethodId>,
    /// Whether the merchant charges it by an agreement, so that the payer takes no step.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_by_merchant: bool,
    /// The card, masked, when it was one.
    pub card: Option<MaskedCard>,
    /// The decision about its risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_decision_id: Option<RiskDecisionId>,
}

/// An attempt that came to nothing, for another was begun after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// Corefy's id of what was to be paid by it.
    pub upstream_id: Option<String>,
    /// Why it did not succeed, if that was told.
    pub error: Option<PaymentError>,
}

impl EndedAttempt {
    /// Whether it was given up without its answer so shortly before `now` that Corefy is still asked about it.
    pub fn is_watched(&self, now: Timestamp) -> bool {
        let codes = [UPSTREAM_NO_RECORD, RESOLVED_BY_OPERATOR];
        let was_given_up = self.error.as_ref().is_some_and(|error| codes.contains(&error.code.as_str()));
        was_given_up && now.since(self.attempt.started_at) < WATCH
    }
}

impl Progress {
    /// The numbers of the attempts before the last that were given up, and about which Corefy is still asked.
    pub fn watched_attempts(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        self.ended_attempts.iter().filter(move |ended| ended.is_watched(now)).map(|ended| ended.attempt.number)
    }

    /// Begins an attempt, of which only the number is not known yet. The one before it, which was for Corefy's `upstream_id`, came
    /// to nothing.
    pub fn begin(&mut self, attempt: Attempt, upstream_id: Option<String>) {
        self.attempts += 1;
        self.attempt_number += 1;
        let ended = self.attempt.replace(Attempt { number: self.attempt_number, ..attempt });
        let error = self.last_error.clone();
        self.ended_attempts.extend(ended.map(|attempt| EndedAttempt { attempt, upstream_id, error }));
        let surplus = self.ended_attempts.len().saturating_sub(MOST_ENDED_ATTEMPTS);
        self.ended_attempts.drain(..surplus);
    }

    /// Forgets the attempt that was begun last, and was not made.
    pub fn take_back(&mut self) {
        self.attempt = self.ended_attempts.pop().map(|ended| ended.attempt);
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// The same without what came of the last attempt: what stays once an answer says something else of it.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self {
            is_unanswered: false,
            next_action: None,
            last_error: None,
            watch_until: None,
            contradicted_since: None,
            ..self.clone()
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
