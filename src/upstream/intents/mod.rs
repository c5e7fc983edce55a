//! The `intents` dialect.

pub mod wire;
