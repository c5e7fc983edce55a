//! A call of a use case: its caller, and the answer to it.

use tokio::time::Instant;

use crate::domain::ids::PartnerId;

/// The caller, and the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The partner whose objects the call is about.
    pub partner_id: PartnerId,
    /// The public key it was made with.
    pub key_id: String,
    /// The request's id, for logs and errors.
    pub request_id: String,
    /// When the caller stops waiting: no call to Corefy waits longer for its turn.
    pub deadline: Instant,
    /// The mark by which a repeated call is the same call.
    pub idempotency: Option<Idempotency>,
}

/// The caller's idempotency key with what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Keyed hash of the caller's key, hexadecimal. The key itself is kept nowhere: it is only ever compared, and a caller
    /// may have made it of anything, a card number included.
    pub key: String,
    /// Keyed hash of the method and its fields.
    pub fingerprint: [u8; 32],
}

/// The answer to a mutating call.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The object.
    pub resource: T,
    /// Whether this is the answer of an earlier call with the same idempotency key.
    pub is_replayed: bool,
}
