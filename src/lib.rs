//! crate
pub mod domain;
pub mod error;
pub mod pb;
pub mod store;
pub mod upstream;
