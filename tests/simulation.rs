//! The simulation without the other tests, which takes less time to build.

#![allow(clippy::disallowed_methods)] // as in `it`
#![allow(clippy::unwrap_used)] // clippy knows test functions, but not their helpers
#![allow(dead_code)] // the other tests use the rest of the support

#[path = "it/support/mod.rs"]
mod support;

#[path = "it/simulation/mod.rs"]
mod simulation;
