//! The controls that tests use in place of payers, banks, merchants at the dashboard, and time: methods of
//! [`Sandbox`](super::Sandbox).
//!
//! Payments, refunds and customers are named by the sandbox's id or by the reference they were created with.
//!
//! # Layout
//!
//! - `names`, `not_possible`: what is meant, and why it cannot be done
//! - `payments`, `refunds`, `customers`: what happens to each
//! - `expectations`: what is expected to have happened
//! - `clock`: time
//! - `memory`: everything at once
//! - `webhooks`: what the gateway is told, and when
//! - `observations`: what happened until now

pub(super) mod clock;
mod customers;
pub(super) mod expectations;
mod memory;
pub(super) mod names;
pub(super) mod not_possible;
mod observations;
mod payments;
mod refunds;
mod webhooks;
