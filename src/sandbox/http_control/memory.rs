//! The memory of all ledgers as a document: given, and taken over.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::refusals::ControlRefusal;
use crate::sandbox::{answer::SandboxRefusal, handle::Sandbox, memory::SandboxMemory};

pub(super) async fn read(State(sandbox): State<Sandbox>) -> Result<Response, ControlRefusal> {
    let document = sandbox.memory()?.write()?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

/// Replaces everything, or nothing.
pub(super) async fn replace(
    State(sandbox): State<Sandbox>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ControlRefusal> {
    let refused = |rejection: BytesRejection| {
        SandboxRefusal::new(rejection.status().as_u16(), "body_too_large", "the memory is larger than 64 MiB")
    };
    let memory = SandboxMemory::read(&body.map_err(refused)?)?;
    sandbox.load(memory).await?;
    Ok(StatusCode::NO_CONTENT)
}
