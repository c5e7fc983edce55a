//! Calls: operators and functions by name; here those of logic.

use cel::common::ast::{CallExpr, IdedExpr, operators};

use super::{
    checker::{Checker, Typed},
    known::{Known, Narrowed},
};
use crate::domain::risk::condition::tree::{Comparison, Number, Operation, Test, Text};

impl Checker<'_> {
    pub(super) fn call(&mut self, part: &IdedExpr, call: &CallExpr, known: &Known) -> Option<Typed> {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => self.and(left, right, known),
            (operators::LOGICAL_OR, [left, right]) => self.or(left, right, known),
            (operators::LOGICAL_NOT, [test]) => {
                let (test, narrowed) = self.test(test, known)?;
                Some(Typed::Test(Test::Not(Box::new(test)), narrowed.not()))
            }
            (operators::CONDITIONAL, [test, yes, no]) => self.conditional(part, [test, yes, no], known),
            (operators::EQUALS, [left, right]) => self.equal(part, left, right, known).map(plain),
            (operators::NOT_EQUALS, [left, right]) => {
                self.equal(part, left, right, known).map(|test| plain(Test::Not(Box::new(test))))
            }
            (operators::LESS, [left, right]) => self.compare(part, Comparison::Less, left, right, known),
            (operators::LESS_EQUALS, [left, right]) => self.compare(part, Comparison::LessOrEqual, left, right, known),
            (operators::GREATER, [left, right]) => self.compare(part, Comparison::More, left, right, known),
            (operators::GREATER_EQUALS, [left, right]) => {
                self.compare(part, Comparison::MoreOrEqual, left, right, known)
            }
            (operators::IN, [value, among]) => self.is_in(value, among, known),
            (operators::ADD, [left, right]) => self.arithmetic(part, Operation::Add, left, right, known),
            (operators::SUBSTRACT, [left, right]) => self.arithmetic(part, Operation::Subtract, left, right, known),
            (operators::MULTIPLY, [left, right]) => self.arithmetic(part, Operation::Multiply, left, right, known),
            (operators::DIVIDE, [left, right]) => self.arithmetic(part, Operation::Divide, left, right, known),
            (operators::MODULO, [left, right]) => self.arithmetic(part, Operation::Remainder, left, right, known),
            (operators::NEGATE, [number]) => self.negate(number, known),
            _ => self.function(part, call, known),
        }
    }

    fn and(&mut self, left: &IdedExpr, right: &IdedExpr, known: &Known) -> Option<Typed> {
        let left = self.test(left, known);
        let known = left.as_ref().map_or_else(|| known.clone(), |(_, narrowed)| known.and(&narrowed.if_true));
        let (right, of_right) = self.test(right, &known)?;
        let (left, of_left) = left?;
        Some(Typed::Test(Test::And(Box::new([left, right])), of_left.and(&of_right)))
    }

    fn or(&mut self, left: &IdedExpr, right: &IdedExpr, known: &Known) -> Option<Typed> {
        let left = self.test(left, known);
        let known = left.as_ref().map_or_else(|| known.clone(), |(_, narrowed)| known.and(&narrowed.if_false));
        let (right, of_right) = self.test(right, &known)?;
        let (left, of_left) = left?;
        Some(Typed::Test(Test::Or(Box::new([left, right])), of_left.or(&of_right)))
    }

    /// `test ? yes : no`. What the whole tells beyond its test is not looked at.
    fn conditional(&mut self, part: &IdedExpr, [test, yes, no]: [&IdedExpr; 3], known: &Known) -> Option<Typed> {
        let test = self.test(test, known);
        let narrowed = test.as_ref().map(|(_, narrowed)| narrowed.clone()).unwrap_or_default();
        let yes = self.value(yes, &known.and(&narrowed.if_true));
        let no = self.value(no, &known.and(&narrowed.if_false));
        let (test, _) = test?;
        match (yes?, no?) {
            (Typed::Test(yes, _), Typed::Test(no, _)) => Some(plain(Test::If(Box::new([test, yes, no])))),
            (Typed::Number(unit, yes), Typed::Number(other, no)) if unit == other => {
                Some(Typed::Number(unit, Number::If(Box::new((test, yes, no)))))
            }
            (Typed::Text(left, yes), Typed::Text(right, no)) => {
                let form = self.same_form(part, (left, &yes), (right, &no))?;
                Some(Typed::Text(form, Text::If(Box::new((test, yes, no)))))
            }
            (yes, no) => {
                let message = format!("both results must be of one type: {} and {}", yes.in_words(), no.in_words());
                self.fault(part, message)
            }
        }
    }
}

/// A test that tells nothing about what is there.
pub(super) fn plain(test: Test) -> Typed {
    Typed::Test(test, Narrowed::default())
}
