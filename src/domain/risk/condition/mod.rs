//! Conditions: expressions in CEL, as far as rules need it. The crate `cel` reads the text; its interpreter is not used, since
//! it has neither type check nor cost limit. Instead, the tree that it gives is checked and lowered into a tree of our own, in
//! which a wrong type cannot be written: what compiles can fail only by numbers that are too large, a division by zero, or an
//! amount that its currency does not have.
//!
//! # Layout
//! `parse` is the fence around the crate; `schema` has the names; `check` turns the one tree into the other; `tree` is that
//! other one, with its evaluation.

use super::{facts::Facts, lists::Lists};
use tree::{Failure, Test};

mod check;
mod parse;
pub mod schema;
mod tree;

pub use check::functions;
pub use tree::Failure as ConditionFailure;

/// Bytes of a condition at most.
pub const MOST_BYTES: usize = 2048;
/// Levels of a condition at most, in parentheses as in operators.
pub const MOST_LEVELS: u16 = 32;
/// Characters of a fault's message at most.
const LONGEST_MESSAGE: usize = 300;

/// A condition that was checked and can be evaluated.
#[derive(Clone, Debug)]
pub struct Condition(Test);

/// A fault of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place in its text, in bytes.
    pub at: usize,
    /// A sentence that says what is wrong, and what it should be.
    pub message: String,
}

impl Condition {
    /// Reads and checks a condition. All faults are told at once, in the order of their places.
    pub fn compile(source: &str, lists: &Lists) -> Result<Self, Vec<Fault>> {
        parse::with_parsed(source, |expression, places| check::check(expression, places, lists))
            .map(Self)
            .map_err(in_order)
    }

    /// Whether it holds for these facts.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        self.0.eval(facts)
    }
}

impl Fault {
    /// A fault whose message is cut off where it quotes too much of the rule.
    fn new(at: usize, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        Self { at, message }
    }
}

fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.at);
    faults.dedup();
    faults
}

#[cfg(test)]
mod tests;
