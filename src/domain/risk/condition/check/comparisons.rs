//! Comparisons and arithmetic: both sides must be of one type, of one unit and of one form.

use cel::common::ast::{Expr, IdedExpr};

use super::{
    checker::{Checker, Typed},
    known::Known,
    logic::plain,
    names::has_metadata,
};
use crate::domain::risk::condition::{
    schema::{Form, METADATA, Unit},
    tree::{Comparison, Number, Operation, Test, Text},
};

/// The uses of numbers.
const CALCULATED: &str = "calculated with";

impl Checker<'_> {
    pub(super) fn equal(&mut self, part: &IdedExpr, left: &IdedExpr, right: &IdedExpr, known: &Known) -> Option<Test> {
        match self.both(left, right, known)? {
            (Typed::Test(left, _), Typed::Test(right, _)) => Some(Test::Same(Box::new([left, right]))),
            (Typed::Number(unit, left), Typed::Number(other, right)) if unit == other => {
                Some(Test::Compare(Comparison::Equal, Box::new([left, right])))
            }
            (Typed::Text(form, left), Typed::Text(other, right)) => {
                self.same_form(part, (form, &left), (other, &right))?;
                Some(Test::TextIn(left, vec![right]))
            }
            (left, right) => self.differ(part, &left, &right),
        }
    }

    pub(super) fn compare(
        &mut self,
        part: &IdedExpr,
        how: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
        known: &Known,
    ) -> Option<Typed> {
        let ((unit, left), (other, right)) = self.numbers("compared as more or less", left, right, known)?;
        if unit == other {
            return Some(plain(Test::Compare(how, Box::new([left, right]))));
        }
        self.differ(part, &Typed::Number(unit, left), &Typed::Number(other, right))
    }

    /// `value in [...]` and `'key' in metadata`.
    pub(super) fn is_in(&mut self, value: &IdedExpr, among: &IdedExpr, known: &Known) -> Option<Typed> {
        match &among.expr {
            Expr::Ident(name) if name == METADATA => self.string(value).map(has_metadata),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let value_of = self.value(value, known);
                let others: Vec<_> = list.elements.iter().map(|other| (other, self.value(other, known))).collect();
                match value_of? {
                    Typed::Number(unit, number) => self.number_in(unit, number, others),
                    Typed::Text(form, text) => self.text_in(form, text, others),
                    Typed::Test(..) => self.fault(value, "only texts and numbers are looked for in a list"),
                }
            }
            _ => self.fault(among, "the right of `in` must be a list, as `['DE', 'FR']`, or `metadata`"),
        }
    }

    fn number_in(&mut self, unit: Unit, number: Number, others: Vec<(&IdedExpr, Option<Typed>)>) -> Option<Typed> {
        let others = others.into_iter().map(|(part, other)| match other? {
            Typed::Number(other, number) if other == unit => Some(number),
            other => self.differ(part, &Typed::Number(unit, number.clone()), &other),
        });
        let others: Vec<_> = others.collect();
        Some(plain(Test::NumberIn(number, others.into_iter().collect::<Option<_>>()?)))
    }

    fn text_in(&mut self, form: Form, text: Text, others: Vec<(&IdedExpr, Option<Typed>)>) -> Option<Typed> {
        let others = others.into_iter().map(|(part, other)| match other? {
            Typed::Text(other, among) => self.same_form(part, (form, &text), (other, &among)).map(|_| among),
            other => self.differ(part, &Typed::Text(form, text.clone()), &other),
        });
        let others: Vec<_> = others.collect();
        Some(plain(Test::TextIn(text, others.into_iter().collect::<Option<_>>()?)))
    }

    pub(super) fn arithmetic(
        &mut self,
        part: &IdedExpr,
        operation: Operation,
        left: &IdedExpr,
        right: &IdedExpr,
        known: &Known,
    ) -> Option<Typed> {
        let (left, right) = self.numbers(CALCULATED, left, right, known)?;
        let unit = match (operation, left.0, right.0) {
            (Operation::Multiply, unit, Unit::Count) | (Operation::Multiply, Unit::Count, unit) => unit,
            (Operation::Divide, unit, Unit::Count) => unit,
            (Operation::Divide, unit, other) if unit == other => Unit::Count,
            (Operation::Add | Operation::Subtract | Operation::Remainder, unit, other) if unit == other => unit,
            _ => return self.differ(part, &Typed::Number(left.0, left.1), &Typed::Number(right.0, right.1)),
        };
        Some(Typed::Number(unit, Number::Arithmetic(operation, Box::new([left.1, right.1]))))
    }

    pub(super) fn negate(&mut self, number: &IdedExpr, known: &Known) -> Option<Typed> {
        let (unit, value) = self.number(CALCULATED, number, known)?;
        let sides = Box::new([Number::Const(0), value]);
        Some(Typed::Number(unit, Number::Arithmetic(Operation::Subtract, sides)))
    }

    fn number(&mut self, purpose: &str, part: &IdedExpr, known: &Known) -> Option<(Unit, Number)> {
        match self.value(part, known)? {
            Typed::Number(unit, number) => Some((unit, number)),
            other => self.fault(part, format!("only numbers can be {purpose}, and this is {}", other.in_words())),
        }
    }

    fn numbers(
        &mut self,
        purpose: &str,
        left: &IdedExpr,
        right: &IdedExpr,
        known: &Known,
    ) -> Option<((Unit, Number), (Unit, Number))> {
        let (left, right) = (self.number(purpose, left, known), self.number(purpose, right, known));
        Some((left?, right?))
    }

    /// Both sides, so that the faults of both are noted.
    fn both(&mut self, left: &IdedExpr, right: &IdedExpr, known: &Known) -> Option<(Typed, Typed)> {
        let (left, right) = (self.value(left, known), self.value(right, known));
        Some((left?, right?))
    }

    fn differ<T>(&mut self, part: &IdedExpr, left: &Typed, right: &Typed) -> Option<T> {
        let message = format!("these do not go together: {}, and {}", left.in_words(), right.in_words());
        self.fault(part, message)
    }

    /// The form that two texts have in common. A text of the rule must be able to be what it is compared with.
    pub(super) fn same_form(&mut self, part: &IdedExpr, left: (Form, &Text), right: (Form, &Text)) -> Option<Form> {
        let form = match (left.0, right.0) {
            (form, Form::Free) | (Form::Free, form) => form,
            (form, other) if form == other => form,
            (form, other) => {
                return self
                    .fault(part, format!("these are never equal: {}, and {}", form.in_words(), other.in_words()));
            }
        };
        let unfit = [left.1, right.1].into_iter().flat_map(Text::constants).find(|text| !form.fits(text));
        match unfit {
            Some(text) => self.fault(part, format!("`'{text}'` can never be {}", form.in_words())),
            None => Some(form),
        }
    }
}

impl Text {
    /// The texts that the rule itself gives.
    fn constants(&self) -> Vec<&str> {
        match self {
            Self::Const(text) => vec![text],
            Self::If(parts) => [&parts.1, &parts.2].into_iter().flat_map(Self::constants).collect(),
            Self::Field(_) | Self::Metadata(_) => Vec::new(),
        }
    }
}
