//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod command_line;
mod confirmations;
mod customers;
mod errors;
mod events;
mod gateway;
mod keys;
mod payment_intents;
mod payment_methods;
mod payments;
mod server;
mod store_contract;
mod upstream_failures;
mod validation;
