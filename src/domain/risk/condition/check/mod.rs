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

/// Checks an expression that has to be true or false.
pub(super) fn check(expression: &IdedExpr, places: &Places, lists: &Lists) -> Result<Test, Vec<Fault>> {
    let mut checker = Checker { places, lists, faults: Vec::new(), level: 0 };
    let test = checker.test(expression, &Known::default());
    match test {
        Some((test, _)) if checker.faults.is_empty() => Ok(test),
        _ => Err(checker.faults),
    }
}
