//! The laws of the commerce dialect as functions of any bytes: each panics where its law is broken. The fuzzers call them, and
//! `tests/it/commerce_laws.rs` calls the same.

pub mod amounts;
pub mod answers;
pub mod callbacks;
mod corefy;
mod scenes;

pub use corefy::BETWEEN_ANSWERS;
