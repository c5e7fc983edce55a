//! Records every call: one line of the log, one count and one span, also when the caller hung up before its end.

use tokio::time::Instant;

use tonic::Code;
use tracing::{field::Empty, info, info_span};

use crate::telemetry::{
    Span, Telemetry,
    catalogue::{RPC_CALLS, RPC_DURATION},
    label_values::OTHER,
    trace::TraceParent,
};

use super::{contract, request_id::RequestId};

/// How much of a path is logged: a path is the caller's choice.
const MAX_LOGGED_PATH: usize = 128;

/// The record of a call; written when it is dropped.
pub(super) struct AccessRecord {
    /// Around all that is logged of the call.
    pub(super) span: tracing::Span,
    /// The call in its trace.
    pub(super) trace: Span,
    /// How it ended.
    pub(super) code: Code,
    started: Instant,
    method: &'static str,
    telemetry: Telemetry,
}

impl AccessRecord {
    pub(super) fn begin(path: &str, id: &RequestId, parent: Option<TraceParent>, telemetry: Telemetry) -> Self {
        let method = contract::method(path);
        let trace = trace(method, id, parent, &telemetry);
        let logged = path.get(..MAX_LOGGED_PATH).unwrap_or(path);
        let trace_id = trace.place().map(TraceParent::trace_id);
        let span = info_span!("call", method = logged, request_id = id.0, trace_id, partner = Empty, key = Empty);
        Self { span, trace, code: Code::Cancelled, started: Instant::now(), method, telemetry }
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        let latency = self.started.elapsed();
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| info!(code = ?self.code, latency_ms, "call ended"));
        let labels = [self.method, word(self.code)];
        self.telemetry.count(&RPC_CALLS, labels);
        self.telemetry.time(&RPC_DURATION, labels, latency);
        self.trace.number("rpc.grpc.status_code", i64::from(i32::from(self.code)));
        if is_fault(self.code) {
            self.trace.failed(word(self.code));
        }
    }
}

/// The span of a call; health checks, reflection and what there is not have none.
fn trace(method: &'static str, id: &RequestId, parent: Option<TraceParent>, telemetry: &Telemetry) -> Span {
    if method == OTHER {
        return Span::none(parent);
    }
    let mut span = telemetry.serving(method, parent);
    span.text("rpc.system", "grpc");
    if let Some((service, name)) = method.split_once('/') {
        span.text("rpc.service", service);
        span.text("rpc.method", name);
    }
    span.text("corefy_gateway.request_id", &id.0);
    span
}

/// Whether a server that answers with this code has failed, as OpenTelemetry has it; others are the caller's doing.
fn is_fault(code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    matches!(code, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
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
