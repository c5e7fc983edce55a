//! What is kept of every call: one line of the log and one count, also when the caller hung up before its end.

use std::time::Instant;

use tonic::Code;
use tracing::{Span, field::Empty, info, info_span};

use crate::telemetry::{
    Telemetry,
    catalogue::{RPC_CALLS, RPC_DURATION},
    trace::TraceParent,
};

use super::{contract, request::RequestId};

/// How much of a path is logged: a path is the caller's choice.
const MAX_LOGGED_PATH: usize = 128;

/// The record of a call; written when it is dropped.
pub(super) struct Record {
    /// Around all that is logged of the call.
    pub(super) span: Span,
    /// How it ended.
    pub(super) code: Code,
    started: Instant,
    method: &'static str,
    telemetry: Telemetry,
}

impl Record {
    pub(super) fn begin(path: &str, id: &RequestId, parent: Option<&TraceParent>, telemetry: Telemetry) -> Self {
        let logged = path.get(..MAX_LOGGED_PATH).unwrap_or(path);
        let trace_id = parent.map(TraceParent::trace_id);
        let span = info_span!("call", method = logged, request_id = id.0, trace_id, partner = Empty, key = Empty);
        Self { span, code: Code::Cancelled, started: Instant::now(), method: contract::method(path), telemetry }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let latency = self.started.elapsed();
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| info!(code = ?self.code, latency_ms, "call ended"));
        let labels = [self.method, word(self.code)];
        self.telemetry.count(&RPC_CALLS, labels);
        self.telemetry.time(&RPC_DURATION, labels, latency);
    }
}

/// The name of a code as gRPC has it.
fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
