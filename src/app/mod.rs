//! The use cases: the only place that orders what the store and Corefy do. One file a resource; the methods of the parts of
//! [`App`] have the names of the RPCs.

pub mod api_calls;
pub mod audit;
mod call;
mod chargebacks;
pub mod customers;
mod decision;
pub mod erasures;
pub mod events;
pub mod exports;
pub mod finding;
pub mod gateway;
pub mod key_admin;
pub mod keys;
mod leases;
mod limits;
mod lookup;
mod metrics;
pub mod operations;
pub mod paging;
mod parts;
mod payer_data;
mod payment;
pub mod payment_intents;
pub mod payment_methods;
mod payment_queues;
mod payments;
pub mod people;
mod perform;
mod reconcile;
pub mod reconciliation;
pub mod refunds;
pub mod retention;
pub mod risk;
mod screening;
mod subject_walk;
mod supported_payment_methods;
pub mod timeline;
pub mod token_source;
mod vacuum_state;
pub mod webhook_admin;
pub mod webhooks;

pub use call::{Answer, Caller, Idempotency};
pub use parts::{App, AppParts};
pub use payments::Payments;
pub use perform::{Checkpoint, Probe};
