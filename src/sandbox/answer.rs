//! How a call ends: done, refused, or stopped by a fault on its way.

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{commerce::errors::error_document, dialect::SandboxDialect, faults::Fault};
use crate::upstream::intents::wire::ErrorBody;

/// An answer, and what it suffers on its way.
pub(super) struct Done {
    /// HTTP status of the answer.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// A fault that comes of the call itself.
    pub fault: Option<Fault>,
}

/// A call that was not executed.
pub(super) enum Halt {
    /// It was refused.
    Refused(SandboxRefusal),
    /// It never arrived.
    Fault(Fault),
}

/// How a call ended.
pub(super) type SandboxOutcome = Result<Done, Halt>;

/// Why a call was refused.
pub(super) struct SandboxRefusal {
    /// HTTP status.
    pub status: u16,
    /// Body of the answer.
    pub body: ErrorBody,
}

impl Done {
    /// Answers with `status` and `body`.
    pub fn new(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("the wire types have text keys and can be written");
        Self { status, body, fault: None }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

impl SandboxRefusal {
    /// A refusal with the contract's members.
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        let body = ErrorBody { message: message.to_owned(), error_code: code.to_owned(), ..ErrorBody::default() };
        Self { status, body }
    }

    /// The object the path or `payment_id` names does not exist.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", &format!("no such {what}"))
    }

    /// The state of the object does not allow this call.
    pub fn invalid_state(message: &str) -> Self {
        Self::new(409, "invalid_state", message)
    }

    /// The reference already belongs to the object with this id.
    pub fn duplicate_reference(id: &str) -> Self {
        let mut refusal = Self::new(409, "duplicate_reference", "reference_id was used before");
        refusal.body.id = Some(id.to_owned());
        refusal
    }

    /// The refusal as this dialect has it.
    pub fn answer(&self, dialect: SandboxDialect) -> Done {
        match dialect {
            SandboxDialect::Intents => Done::new(self.status, &self.body),
            SandboxDialect::Commerce => Done::new(self.status, &error_document(self.status, &self.body)),
        }
    }
}

impl From<SandboxRefusal> for Halt {
    fn from(refusal: SandboxRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Collects what is wrong with the fields of a request.
#[derive(Default)]
pub(super) struct FieldProblems(BTreeMap<String, Vec<String>>);

impl FieldProblems {
    /// Notes `problem` of `field` unless `is_right`.
    pub fn check(&mut self, is_right: bool, field: &str, problem: &str) {
        if !is_right {
            self.0.entry(field.to_owned()).or_default().push(problem.to_owned());
        }
    }

    /// The refusal that names all that was noted.
    pub fn refusal(self, code: &str) -> SandboxRefusal {
        let mut refusal = SandboxRefusal::new(422, code, "some fields are not valid");
        refusal.body.errors = self.0;
        refusal
    }

    /// Refuses the request if anything is wrong with it.
    pub fn refuse(self) -> Result<(), SandboxRefusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.refusal("validation_error"))
    }
}

/// Reads a body. The refusal does not quote it: it may hold a card number.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SandboxRefusal> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        SandboxRefusal::new(400, "malformed_request", &format!("the body lacks the shape of this request, at {place}"))
    })
}
