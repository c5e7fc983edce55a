//! The names of all metadata that the gateway reads. They stand in one place so that browsers are allowed to send each.

pub(super) use crate::telemetry::trace::{TRACEPARENT, TRACESTATE};

/// One header that can carry the API key, behind the word `Bearer`.
pub(super) const AUTHORIZATION: &str = "authorization";
/// The other header that can carry a key.
pub(super) const API_KEY: &str = "x-api-key";
/// The header with the id of a call, both ways.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// The metadata that names a mutating call, so that it can be repeated.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How often gRPC's own repetition has made the call before.
pub(super) const PREVIOUS_ATTEMPTS: &str = "grpc-previous-rpc-attempts";
/// How long the caller waits.
pub(super) const TIMEOUT: &str = "grpc-timeout";

/// All of them.
pub(super) const READ: [&str; 8] =
    [AUTHORIZATION, API_KEY, REQUEST_ID, IDEMPOTENCY_KEY, PREVIOUS_ATTEMPTS, TIMEOUT, TRACEPARENT, TRACESTATE];
