//! What the tests stand on.

pub mod app;
pub mod client;
pub mod database;
pub mod money;
pub mod program;
