//! corefy-gateway: a gRPC gateway to Corefy, the payment orchestrator, in which money moves exactly once and the caller
//! can always learn the truth.
//!
//! # Layout
//!
//! A call comes in at the top and goes down; nothing imports what is above it.
//!
//! - `rpc`: gRPC, the only tonic of the server: metadata, authentication, requests and answers, the table of errors.
//! - `http`: the port for webhooks, health, readiness and metrics, the only axum.
//! - `port`: connections for both: TLS, and how many there may be.
//! - `worker`: loops around one step of `app` each: webhooks, recovery, retention.
//! - `app`: the use cases, the only place that orders store and upstream: reserve, send, settle, reconcile.
//! - `store`: SQLite and PostgreSQL, the only sqlx. One file a table.
//! - `upstream`: Corefy, the only reqwest. One folder a dialect of its API.
//! - `reference_data`: what the operator knows of BINs, IP addresses, domains and currencies, from files.
//! - `domain`: money, states, the journal's schedule, the rule by which Corefy's answers are merged. Pure.
//! - `error`: the refusals of a use case: a public reason and a private cause.
//! - `task`: where tasks come from that run beside the calls.
//! - `telemetry`: the catalogue of metrics, and traces.
//! - `config`: all settings, typed; the only reader of the environment.
//! - `server`: the only wiring: build, listen, run, drain. `cli`: one file a command.
//! - `sandbox`: a stateful Corefy for tests, with a ledger and faults.
//! - [`pb`]: the messages and stubs of `proto/`, generated. `client`: the client for programs in Rust, a feature that is
//!   built without the rest.
//!
//! The invariants, and how to change the gateway: `ARCHITECTURE.md`. `tests/it/architecture/` checks the imports.

// Tests run by the time of day and by chance, as the programs that use the gateway do.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "client")]
#[allow(clippy::disallowed_methods)] // it is a program of its own, which nobody simulates
pub mod client;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod domain;
#[cfg(feature = "server")]
pub mod error;
#[cfg(feature = "server")]
pub mod http;
pub mod pb;
#[cfg(feature = "server")]
pub mod port;
#[cfg(feature = "server")]
pub mod reference_data;
#[cfg(feature = "server")]
pub mod rpc;
#[cfg(feature = "server")]
pub mod sandbox;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
mod task;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "server")]
pub mod upstream;
#[cfg(feature = "server")]
pub mod worker;
