//! Conditions: expressions in CEL, as far as rules need it. The crate `cel` reads the text; its interpreter is not used, since
//! it has neither type check nor cost limit. Instead, the tree that it gives is checked and lowered into a tree of our own, in
//! which a wrong type cannot be written: what compiles can fail only by numbers that are too large, a division by zero, or an
//! amount that its currency does not have.
//!
//! # Layout
//! `parse` is the fence around the crate; `fault` says what is wrong; `schema` has the names; `check` turns the one tree into the other; `tree` is that
//! other one, with its evaluation.

use super::{facts::Facts, lists::Lists};
use tree::Test;

mod check;
mod fault;
mod parse;
pub mod schema;
mod tree;

pub use check::functions;
pub use fault::{Fault, MOST_BYTES, MOST_LEVELS};
pub use tree::Failure;

/// A condition that was checked and can be evaluated.
#[derive(Clone, Debug)]
pub struct Condition {
    test: Test,
    asks_for_bin: bool,
}

impl Condition {
    /// Reads and checks a condition. All faults are told at once, in the order of their places.
    pub fn compile(source: &str, lists: &Lists) -> Result<Self, Vec<Fault>> {
        parse::with_parsed(source, |expression, places| check::check(expression, places, lists))
            .map(|(test, asks_for_bin)| Self { test, asks_for_bin })
            .map_err(in_order)
    }

    /// Whether it holds for these facts.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        self.test.eval(facts)
    }

    /// Whether it asks for a velocity of the card's BIN.
    pub fn asks_for_bin(&self) -> bool {
        self.asks_for_bin
    }
}

fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.at);
    faults.dedup();
    faults
}

#[cfg(test)]
mod against_cel;
#[cfg(test)]
mod tests;
