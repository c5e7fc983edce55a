//! The support for all tests.

pub mod app;
pub mod between;
pub mod certificates;
pub mod client;
pub mod contract;
pub mod database;
pub mod money;
pub mod operator;
pub mod person;
pub mod process;
pub mod program;
pub mod proxy;
pub mod refusal;
pub mod requests;
