//! The points in a mutating call at which tests let the process die.

use std::{future::Future, pin::Pin, sync::Arc};

/// A point in a mutating call at which tests let the process die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// The reservation is durable; nothing was sent.
    Reserved,
    /// Corefy answered; nothing of it was written.
    Answered,
    /// The outcome is durable; the caller was not answered.
    Settled,
}

/// Called at each [`Checkpoint`]. Never set in production.
pub type Probe = Arc<dyn Fn(Checkpoint) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
