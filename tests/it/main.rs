//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod command_line;
mod crashes;
mod idempotency;
mod in_doubt;
mod payments;
mod random_walk;
mod refunds;
mod store_contract;
