//! What the tests stand on.

pub mod app;
pub mod client;
pub mod contract;
pub mod database;
pub mod refusal;
pub mod requests;
