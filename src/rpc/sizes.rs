//! The sizes of messages.

/// The largest request, decompressed.
pub(super) const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The largest answer: what gRPC clients take by default.
pub(super) const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;
