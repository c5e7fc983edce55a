//! Attempts to pay, as they go over the wire.

use crate::{
    domain::{
        attempts::{AttemptState, ListedAttempt},
        ids::{AttemptId, PaymentMethodId, RiskDecisionId},
    },
    pb,
};

use super::timestamps;

impl From<ListedAttempt> for pb::Attempt {
    fn from(listed: ListedAttempt) -> Self {
        let ListedAttempt { attempt, state, upstream_id, error } = listed;
        Self {
            id: attempt.id.as_ref().map_or("", AttemptId::as_str).to_owned(),
            number: attempt.number,
            state: pb::AttemptState::from(state).into(),
            upstream_id: upstream_id.unwrap_or_default(),
            payment_method_id: attempt.payment_method_id.as_ref().map_or("", PaymentMethodId::as_str).to_owned(),
            card: attempt.card.map(Into::into),
            risk_decision_id: attempt.risk_decision_id.as_ref().map_or("", RiskDecisionId::as_str).to_owned(),
            error: error.map(Into::into),
            started_at: Some(timestamps::wire(attempt.started_at)),
        }
    }
}

impl From<AttemptState> for pb::AttemptState {
    fn from(state: AttemptState) -> Self {
        match state {
            AttemptState::Processing => Self::Processing,
            AttemptState::RequiresAction => Self::RequiresAction,
            AttemptState::Succeeded => Self::Succeeded,
            AttemptState::Failed => Self::Failed,
        }
    }
}
