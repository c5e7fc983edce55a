//! The audit log: what people, keys and the gateway itself decide. Its rows are only ever added, and each carries a keyed hash over
//! itself and the one before it, so that a row which was changed, removed or moved is found.
//!
//! # Layout
//! `actor` is the author of a decision, `action` what may be decided, `entry` one decision, `record` the same as a row of the log,
//! `chain` how rows are linked, and `verification` how faults of the chain are found.

mod action;
mod actor;
mod chain;
mod entry;
mod filter;
mod record;
mod verification;

pub use action::AuditAction;
pub use actor::{Actor, Note, Operator};
pub use chain::{AuditChain, AuditHead};
pub use entry::AuditEntry;
pub use filter::AuditFilter;
pub use record::AuditRecord;
pub use verification::{Anchor, AuditFault, Verification};
