//! corefy-gateway: a gRPC gateway to Corefy, the payment orchestrator, in which money moves exactly once and the caller
//! can always learn the truth.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod pb;
pub mod port;
pub mod rpc;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod worker;
