//! Tests against the real server, over real channels.

#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers

mod support;

mod answers;
mod api_calls;
mod architecture;
mod budget;
mod chaos;
mod clock_put_back;
mod command_line;
mod confirmations;
mod crashes;
mod customers;
mod database_files;
mod documents;
mod errors;
mod event_streams;
mod events;
mod evidence;
mod failover;
mod gateway;
mod idempotency;
mod idle_streams;
mod in_doubt;
mod in_time;
mod kept_texts;
mod keys;
mod limits;
mod look_commands;
mod machine;
mod memory;
mod metrics;
mod operators;
mod payment_intents;
mod payment_methods;
mod payments;
mod quickstart;
mod random_walk;
mod refunds;
mod replicas;
mod secrets;
mod server;
mod settled;
mod slow_connections;
mod store_contract;
mod store_failures;
mod timeline;
mod tls;
mod traces;
mod unreadable_rows;
mod upstream_failures;
mod validation;
mod way_to_corefy;
mod web;
mod webhooks;
