//! Everything that happened until now, and how to forget it.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::sandbox::{handle::Sandbox, ledger::Ledger, route::SeenRequest};

pub(super) async fn ledger(State(sandbox): State<Sandbox>) -> Json<Ledger> {
    Json(sandbox.ledger())
}

pub(super) async fn requests(State(sandbox): State<Sandbox>) -> Json<Vec<SeenRequest>> {
    Json(sandbox.requests())
}

pub(super) async fn reset(State(sandbox): State<Sandbox>, body: Bytes) -> Result<StatusCode, ControlRefusal> {
    ControlFields::none(&body)?;
    sandbox.reset();
    Ok(StatusCode::NO_CONTENT)
}
