//! The last word on an operation: what its verdict writes into the journal.

use serde::Serialize;

use super::Verdict;
use crate::{
    app::decision::Decision,
    domain::{
        clock::Timestamp,
        event::EventType,
        operation::{OpenOperation, Operation, OperationState, next_check},
    },
    error::Error,
    store::{Change, FrozenAnswer, Lease},
};

/// Adds what a verdict on `operation` means for the journal, under `lease`.
pub(in crate::app) fn conclude<R: Serialize>(
    decision: &mut Decision,
    operation: &Operation,
    lease: Lease,
    verdict: &Verdict<R>,
    now: Timestamp,
) {
    match verdict {
        Verdict::Done(resource) => finish(decision, lease, FrozenAnswer::of(&Ok::<_, Error>(resource)), now),
        Verdict::Refused(error) => finish(decision, lease, FrozenAnswer::of(&Err::<(), _>(error)), now),
        Verdict::Released(_) => decision.changes.push(Change::ReleaseOperation(lease)),
        Verdict::InDoubt(_) => {
            leave_open(decision, operation, lease, next_check(operation.sent_at, now, operation.misses), now);
        }
        Verdict::NeedsOperator(_) => leave_open(decision, operation, lease, None, now),
    }
}

fn finish(decision: &mut Decision, lease: Lease, answer: FrozenAnswer, finished_at: Timestamp) {
    decision.changes.push(Change::FinishOperation { lease, answer, finished_at });
}

/// Leaves an operation open, with an event the first time.
pub(in crate::app) fn leave_open(
    decision: &mut Decision,
    operation: &Operation,
    lease: Lease,
    next_check_at: Option<Timestamp>,
    now: Timestamp,
) {
    let news = match (operation.state, next_check_at) {
        (OperationState::Sent, Some(_)) => Some(EventType::OperationInDoubt),
        (OperationState::Sent | OperationState::InDoubt, None) => Some(EventType::OperationNeedsOperator),
        _ => None,
    };
    if let Some(news) = news {
        decision.changes.emit(news, OpenOperation::of(operation, next_check_at), now);
    }
    decision.changes.push(Change::LeaveOperationOpen { lease, misses: operation.misses, next_check_at });
}
