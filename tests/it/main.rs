//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod api_calls;
mod architecture;
mod command_line;
mod confirmations;
mod crashes;
mod customers;
mod errors;
mod events;
mod gateway;
mod idempotency;
mod in_doubt;
mod keys;
mod look_commands;
mod payment_intents;
mod payment_methods;
mod payments;
mod quickstart;
mod random_walk;
mod readme;
mod refunds;
mod secrets;
mod server;
mod store_contract;
mod timeline;
mod upstream_failures;
mod validation;
mod webhooks;
