//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod architecture;
mod command_line;
mod crashes;
mod idempotency;
mod in_doubt;
mod payments;
mod quickstart;
mod readme;
mod secrets;
mod random_walk;
mod refunds;
mod store_contract;
mod webhooks;
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
