//! crate

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod pb;
pub mod sandbox;
pub mod store;
pub mod upstream;
