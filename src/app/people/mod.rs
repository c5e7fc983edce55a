//! Requests about a person: to be erased, and to be shown what is kept. The steps of an erasure are taken by
//! [`Payments`](super::Payments).
//!
//! # Layout
//! `erase` begins erasures, `list` shows them, `reapply` begins them again after a restore, and `export` shows what is kept of a person.

mod erase;
mod export;
mod handle;
mod list;
mod reapply;

pub use export::{ExportSubject, KeptOfObject, KeptPayment};
pub use handle::{People, Requester};
pub use reapply::{Reapplied, ReappliedCounts};
