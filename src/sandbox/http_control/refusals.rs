//! The one form of a refusal: `message`, `error_code`, and in `errors` whatever is wrong with each field.

use axum::response::{IntoResponse, Response};

use crate::sandbox::{
    answer::{FieldProblems, SandboxRefusal},
    control::not_possible::NotPossible,
    dialect::SandboxDialect,
    memory::MemoryProblem,
};

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

impl From<MemoryProblem> for ControlRefusal {
    fn from(why: MemoryProblem) -> Self {
        Self(match why {
            MemoryProblem::NotJson(_) => SandboxRefusal::new(400, "malformed_request", &why.to_string()),
            MemoryProblem::TooLarge => SandboxRefusal::new(413, "body_too_large", &why.to_string()),
            MemoryProblem::Wrong { place, problem } => {
                let mut problems = FieldProblems::default();
                problems.check(false, &place, &problem);
                problems.refusal("validation_error")
            }
        })
    }
}

impl IntoResponse for ControlRefusal {
    fn into_response(self) -> Response {
        // The form of the `intents` contract is that of the control.
        self.0.answer(SandboxDialect::Intents).into_response()
    }
}
