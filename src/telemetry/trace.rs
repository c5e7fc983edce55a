//! The trace that a call belongs to, by W3C Trace Context: taken from the caller, noted in the log, and passed on to Corefy.
//! It travels beside the call, because nothing on the way depends on it.

use std::future::Future;

use tokio::{task::futures::TaskLocalFuture, task_local};
use tracing::{Instrument as _, instrument::Instrumented};

/// The header that carries it, both ways.
pub const TRACEPARENT: &str = "traceparent";

/// The length of `00-<trace id>-<parent id>-<flags>`.
const LENGTH: usize = 55;

task_local! {
    static CURRENT: Option<TraceParent>;
}

/// A caller's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads the header. What follows the four fields of a version later than ours is left out.
    pub fn parse(header: &str) -> Option<Self> {
        let (fields, rest) = header.split_at_checked(LENGTH)?;
        let [version, trace, parent, flags] = fields.split('-').collect::<Vec<_>>().try_into().ok()?;
        let is_hex = |field: &str, length| {
            field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |field: &str, length| is_hex(field, length) && field.bytes().any(|byte| byte != b'0');
        let is_known = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => is_hex(version, 2) && (rest.is_empty() || rest.starts_with('-')),
        };
        let is_valid = is_known && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        is_valid.then(|| Self(format!("00-{trace}-{parent}-{flags}")))
    }

    /// The header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }

    /// The id of the span that calls, 16 hexadecimal digits.
    pub(super) fn span_id(&self) -> &str {
        &self.0[36..52]
    }

    /// The flags, 2 hexadecimal digits; `01` when the caller records the trace.
    pub(super) fn flags(&self) -> &str {
        &self.0[53..]
    }
}

/// Runs `call` as part of the trace `parent`.
pub fn within<F: Future>(parent: Option<TraceParent>, call: F) -> TaskLocalFuture<Option<TraceParent>, F> {
    CURRENT.scope(parent, call)
}

/// The trace that the running call is part of.
pub fn current() -> Option<TraceParent> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// `work` of the running call that goes on in a task of its own: it keeps the call's trace and its span of the log.
pub fn carried<F: Future>(work: F) -> Instrumented<TaskLocalFuture<Option<TraceParent>, F>> {
    within(current(), work).in_current_span()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn what_the_standard_allows_is_taken() {
        let header = format!("00-{TRACE}-{PARENT}-01");
        let parent = TraceParent::parse(&header).unwrap();
        assert_eq!((parent.as_str(), parent.trace_id()), (header.as_str(), TRACE));
        assert_eq!((parent.span_id(), parent.flags()), (PARENT, "01"));
        for later in [format!("01-{TRACE}-{PARENT}-01"), format!("cc-{TRACE}-{PARENT}-01-what-comes-later")] {
            assert_eq!(TraceParent::parse(&later), Some(parent.clone()), "{later}");
        }
    }

    #[test]
    fn what_it_forbids_is_not() {
        let (zeros, upper) = ("0".repeat(32), TRACE.to_uppercase());
        for wrong in [
            String::new(),
            "ä".repeat(30),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0g-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-0x"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{upper}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{TRACE}0{PARENT}-01-"),
            format!("01-{TRACE}-{PARENT}-01more"),
        ] {
            assert_eq!(TraceParent::parse(&wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_task_of_the_call_keeps_its_trace_and_others_have_none() {
        let parent = TraceParent::parse(&format!("00-{TRACE}-{PARENT}-01"));
        let told = within(parent.clone(), async { tokio::spawn(carried(async { current() })).await.unwrap() }).await;
        assert_eq!(told, parent);
        assert_eq!(current(), None);
    }
}
