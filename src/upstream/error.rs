//! The outcomes of calls to Corefy without success.

use std::time::Duration;

use super::transport::NoConnection;
use crate::domain::capability::Capability;

/// The outcome of a call without success. The variant decides what the caller may do next; see "Outcomes" in
/// `ARCHITECTURE.md`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Corefy refused the request in its own words: definitely nothing was done.
    #[error("Corefy refused the request: {0}")]
    Rejected(Rejection),
    /// Definitely nothing was sent; the call may be made again.
    #[error("nothing was sent to Corefy: {reason}")]
    NotSent {
        /// Why not.
        reason: NotSent,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The request may or may not have been carried out. Only asking Corefy can show which.
    #[error("the outcome at Corefy is not known: {0}")]
    Unknown(String),
    /// This dialect lacks a capability; nothing was sent.
    #[error("the Corefy API in use lacks {}", .0.as_str())]
    Unsupported(Capability),
    /// The answer to a read could not be understood, or did not come.
    #[error("Corefy's answer could not be read: {0}")]
    Protocol(String),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No connection could be made.
    #[error("no connection: {0}")]
    Unreachable(NoConnection),
    /// The circuit breaker is open after too many failures.
    #[error("too many calls failed just now")]
    CircuitOpen,
    /// The rate limit is used up for longer than a call may wait.
    #[error("the rate limit is used up")]
    RateLimited,
    /// The time for it was over, because the gateway had stood still.
    #[error("it came too late to be sent")]
    TooLate,
    /// The object that an attempt needs at Corefy, and that moves no money itself, could not be made there for certain.
    #[error("it could not be prepared there")]
    NotPrepared,
}

/// Corefy's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {http_status}, {code}")]
pub struct Rejection {
    /// 400 to 499.
    pub http_status: u16,
    /// Corefy's code, or `http_<status>`. At most 64 characters.
    pub code: String,
    /// Corefy's sentence, at most 500 characters, with whatever looks like a card number masked.
    pub message: String,
    /// The invalid fields, by our field paths (`billing_address.country`), each with its reason.
    pub fields: Vec<(String, String)>,
}

impl Rejection {
    /// Whether it is our own credentials that were refused, and not the request.
    pub fn is_about_credentials(&self) -> bool {
        matches!(self.http_status, 401 | 403)
    }
}

/// The refusal of what cannot even be asked, because Corefy does not know what it is about.
pub fn not_at_corefy(what: &str) -> Error {
    Error::Rejected(Rejection {
        http_status: 404,
        code: "not_at_corefy".to_owned(),
        message: format!("Corefy does not know the {what}."),
        fields: Vec::new(),
    })
}
