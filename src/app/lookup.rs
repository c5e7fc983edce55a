//! How Corefy is asked what became of an operation.

use crate::{
    domain::operation::{Operation, SEND_MARGIN},
    upstream::{Call, Priority, Scheduling},
};

/// The operation as Corefy is told of it when it is asked again.
pub(super) fn call(operation: &Operation) -> Call<'_> {
    let (operation_id, request_id) = (&operation.id, operation.request_id.as_str());
    // The lease is renewed while it waits for its scheduling.
    let not_after = operation.lease_until + SEND_MARGIN;
    Call { operation_id, request_id, not_after, scheduling: Scheduling::of(Priority::InDoubt) }
}
