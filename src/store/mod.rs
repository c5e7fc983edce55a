//! The gateway's records, in SQLite or PostgreSQL. `sqlx` is used here and nowhere else.
//!
//! One file a table. Reads are methods of a [`ReadSession`], named resource first (`refund_any`). What is decided is written as
//! [`Changes`] by [`Store::commit`], and no other way; the store's upkeep (`upkeep.rs`), claims and leases and prunes, is written
//! by a method of [`Store`] each.

mod address;
mod api_call_stats;
mod api_calls;
mod audit;
mod audit_trail;
mod backlog;
mod batch_writer;
mod breaker;
mod budgets;
mod change;
mod columns;
mod commit;
mod conflict;
mod context;
mod customers;
mod dialect;
mod durable;
mod emptied;
mod erasures;
mod error;
mod event_signal;
mod events;
mod file_lock;
mod first_contact;
mod handle;
mod keyring;
mod keys;
mod leases;
mod list;
mod list_query;
mod lock_step;
mod lost;
mod metrics;
mod object_write;
mod open;
mod operations;
mod payment_intents;
mod payment_methods;
mod pinned_connection;
#[cfg(test)]
mod plan_tests;
mod pooler;
mod read_batcher;
mod readiness;
mod refunds;
mod retention;
mod risk_bins;
mod risk_decisions;
mod risk_history;
mod risk_lists;
mod risk_metrics;
mod risk_outcomes;
mod risk_reviews;
mod risk_rules;
mod risk_subjects;
mod schema;
mod seal;
mod search_terms;
mod session;
mod sqlite_writer;
mod stamps;
mod timeline;
mod tracked;
mod upkeep;
mod webhooks;
mod write_batcher;
mod writes;

pub use api_call_stats::StatsRange;
pub use backlog::Backlog;
pub use breaker::StoreBreaker;
pub use change::{Change, Changes, Emptied, FrozenAnswer, Lease, NewEvent};
pub use conflict::{CommitError, Conflict};
pub use dialect::Dialect;
pub use erasures::RecordsOf;
pub use error::Error;
pub use event_signal::EventSignal;
pub use file_lock::FileLock;
pub use handle::Store;
pub use keyring::Keyring;
pub use list_query::ListPosition;
pub use operations::{OperationRecord, OperationSummary};
pub use risk_history::RiskHistory;
pub use risk_subjects::SubjectsWalked;
pub use schema::{Schema, Setting, migrate};
pub use seal::Sealer;
pub use session::ReadSession;
pub use tracked::{Tracked, Versioned};
pub use webhooks::{WebhookFilter, WebhookRecord, WebhookState};

use context::StoreContext;
