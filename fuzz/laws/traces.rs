//! A trace that a caller tells is passed on as it was told, in a header that the next one reads alike.

use corefy_gateway::telemetry::trace::{self, TraceParent};

/// The longest `tracestate` that is passed on, in characters.
const LONGEST_STATE: usize = 512;

/// Takes the first line for `traceparent`, the others for headers `tracestate`.
pub fn a_trace_is_passed_on_as_it_was_told(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let Some(parent) = TraceParent::parse(lines.next().unwrap_or_default()) else { return };
    let header = parent.as_str();
    assert_eq!(TraceParent::parse(header).as_ref(), Some(&parent), "{header}");
    assert!(text.contains(parent.trace_id()), "the trace's id is another: {header}");
    let told = parent.with_state(trace::state(lines));
    let Some(state) = told.state_header() else { return };
    assert!(state.len() <= LONGEST_STATE, "{} characters of state", state.len());
    assert!(state.bytes().all(|byte| matches!(byte, b' '..=b'~')), "no header can carry {state:?}");
    let again = trace::state(std::iter::once(state.as_str()));
    assert_eq!(told.clone().with_state(again).state_header().as_deref(), Some(&*state), "read again");
}
