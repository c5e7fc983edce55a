//! The check: turns the tree of the crate `cel` into ours, and notes every fault on its way.

use cel::common::ast::IdedExpr;

use super::{fault::Fault, parse::Places, tree::Test};
use crate::domain::risk::lists::Lists;
use checker::Checker;
use known::Known;

mod checker;
mod comparisons;
pub mod functions;
mod known;
mod logic;
mod names;

/// Checks an expression that has to be true or false. Returns also whether it asks for a velocity of a BIN.
pub(super) fn check(expression: &IdedExpr, places: &Places, lists: &Lists) -> Result<(Test, bool), Vec<Fault>> {
    let mut checker = Checker { places, lists, faults: Vec::new(), level: 0, asks_for_bin: false };
    let test = checker.test(expression, &Known::default());
    match test {
        Some((test, _)) if checker.faults.is_empty() => Ok((test, checker.asks_for_bin)),
        _ => Err(checker.faults),
    }
}
