//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod architecture;
mod command_line;
mod crashes;
mod idempotency;
mod payments;
mod quickstart;
mod readme;
mod secrets;
mod store_contract;
mod webhooks;
