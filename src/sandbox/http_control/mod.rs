//! The sandbox's control by HTTP: `/_sandbox/…`, JSON, without credentials. It is for people, and for tests in any language;
//! `docs/reference/sandbox-openapi.yaml` describes it.
//!
//! # Layout
//!
//! - `routes`: every call there is
//! - `fields`, `refusals`: how a request is read, and the one form in which it is refused
//! - `payments`, `refunds`, `customers`, `webhooks`, `faults`, `observations`, `snapshot`, `memory`, `expect`, `clock`: the calls

mod clock;
mod customers;
mod expect;
mod faults;
mod fields;
mod memory;
mod observations;
mod payments;
mod refunds;
mod refusals;
mod routes;
mod snapshot;
mod webhooks;

pub(super) use routes::router;
#[cfg(test)]
pub(super) use routes::{OPENAPI, controls};
