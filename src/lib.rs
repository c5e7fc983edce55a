//! A gRPC gateway to Corefy in which money moves exactly once.

pub mod cli;
pub mod config;
pub mod domain;
pub mod pb;
pub mod upstream;
