//! The trace that a call belongs to, by W3C Trace Context: taken from the caller, noted in the log, and passed on to Corefy.
//! It travels beside the call, because nothing on the way depends on it.

use std::future::Future;

use opentelemetry::trace::TraceState;
use tokio::{task::futures::TaskLocalFuture, task_local};
use tracing::{Instrument as _, instrument::Instrumented};

/// The header that carries it, both ways.
pub const TRACEPARENT: &str = "traceparent";
/// The header beside it with what vendors of tracing add.
pub const TRACESTATE: &str = "tracestate";
/// The most characters of a `tracestate`; entries that go beyond are left out, the last first.
const LONGEST_STATE: usize = 512;

/// The length of `00-<trace id>-<parent id>-<flags>`.
const LENGTH: usize = 55;

task_local! {
    static CURRENT: Option<TraceParent>;
}

/// The position of the caller in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    header: String,
    state: TraceState,
}

impl TraceParent {
    /// Reads the header. Anything after the four fields of a later version is ignored.
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
        is_valid.then(|| Self { header: format!("00-{trace}-{parent}-{flags}"), state: TraceState::NONE })
    }

    /// The same position with the `tracestate` that came with it.
    #[must_use]
    pub fn with_state(self, state: TraceState) -> Self {
        Self { state, ..self }
    }

    /// The `tracestate` that came with it.
    pub(super) fn state(&self) -> &TraceState {
        &self.state
    }

    /// The header `tracestate`; `None` when there is nothing to say.
    pub fn state_header(&self) -> Option<String> {
        Some(self.state.header()).filter(|header| !header.is_empty())
    }

    /// The header.
    pub fn as_str(&self) -> &str {
        &self.header
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.header[3..35]
    }

    /// The id of the span that calls, 16 hexadecimal digits.
    pub(super) fn span_id(&self) -> &str {
        &self.header[36..52]
    }

    /// The flags, 2 hexadecimal digits; `01` when the caller records the trace.
    pub(super) fn flags(&self) -> &str {
        &self.header[53..]
    }
}

/// Reads the headers `tracestate` of a request, which are one list. A list that is malformed anywhere counts as absent,
/// as the standard has it; of one that is too long, the first entries stay.
pub fn state<'a>(headers: impl Iterator<Item = &'a str>) -> TraceState {
    let list = headers.collect::<Vec<_>>().join(",");
    let is_text = list.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let Some(state) = list.parse::<TraceState>().ok().filter(|_| is_text) else { return TraceState::NONE };
    let header = state.header();
    let entries: Option<Vec<_>> = header.split(',').map(entry).collect();
    let mut length = 0;
    let fitting = entries.unwrap_or_default().into_iter().take_while(|(key, value)| {
        // With the `=` and the comma before it.
        length += key.len() + value.len() + 2;
        length <= LONGEST_STATE + 1
    });
    TraceState::from_key_value(fitting).unwrap_or(TraceState::NONE)
}

/// The parts of an entry; the library leaves it to us that neither may be empty, and that a value has no tab.
fn entry(text: &str) -> Option<(&str, &str)> {
    let parts = text.split_once('=')?;
    (!parts.0.is_empty() && !parts.1.is_empty() && !text.contains('\t')).then_some(parts)
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

    #[test]
    fn a_tracestate_is_taken_when_it_is_well_formed_and_cut_at_an_entry() {
        let header = |given: &[&str]| state(given.iter().copied()).header();
        assert_eq!(header(&["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"]), "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
        assert_eq!(header(&["a=1 , b=2", "fw529a3039@dt=x y"]), "a=1,b=2,fw529a3039@dt=x y");
        for wrong in ["a", "A=1", "=1", "a=", "a=1,b", "a=\u{e4}", "a=b\tc", "a=1=2"] {
            assert_eq!(header(&[wrong]), "", "{wrong}");
        }
        let entry = |name: char, length: usize| format!("{name}={}", "x".repeat(length - 2));
        let (first, second) = (entry('a', 200), entry('b', 200));
        let exact = [first.clone(), second.clone(), entry('c', 110)].join(",");
        assert_eq!(exact.len(), LONGEST_STATE);
        assert_eq!(header(&[&exact]), exact);
        let longer = [first.clone(), second.clone(), entry('c', 111), "d=1".to_owned()].join(",");
        assert_eq!(header(&[&longer]), [first, second].join(","));
    }

    #[tokio::test]
    async fn a_task_of_the_call_keeps_its_trace_and_others_have_none() {
        let parent = TraceParent::parse(&format!("00-{TRACE}-{PARENT}-01"));
        let told = within(parent.clone(), async { tokio::spawn(carried(async { current() })).await.unwrap() }).await;
        assert_eq!(told, parent);
        assert_eq!(current(), None);
    }
}
