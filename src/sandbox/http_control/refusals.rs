//! The one form of a refusal: `message`, `error_code`, and in `errors` whatever is wrong with each field.

use axum::response::{IntoResponse, Response};

use crate::sandbox::{answer::SandboxRefusal, control::not_possible::NotPossible, dialect::SandboxDialect};

/// The refusal of a control.
pub(super) struct ControlRefusal(SandboxRefusal);

impl From<SandboxRefusal> for ControlRefusal {
    fn from(refusal: SandboxRefusal) -> Self {
        Self(refusal)
    }
}

impl From<NotPossible> for ControlRefusal {
    fn from(why: NotPossible) -> Self {
        Self(match why {
            NotPossible::Missing(what) => SandboxRefusal::not_found(what),
            NotPossible::NotNow(sentence) => SandboxRefusal::new(409, "not_possible", sentence),
        })
    }
}

impl IntoResponse for ControlRefusal {
    fn into_response(self) -> Response {
        // The form of the `intents` contract is that of the control.
        self.0.answer(SandboxDialect::Intents).into_response()
    }
}
