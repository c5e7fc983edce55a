//! The checker: what it needs on its way, and the parts of an expression by their types.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use super::known::{Known, Narrowed};
use crate::domain::risk::{
    condition::{
        fault::{Fault, MOST_LEVELS},
        parse::Places,
        schema::{Form, Unit},
        tree::{Number, Test, Text},
    },
    lists::Lists,
};

/// Everything that is needed on the way, and the faults so far. Its methods give `None` where they noted a fault.
pub(super) struct Checker<'a> {
    pub(super) places: &'a Places,
    pub(super) lists: &'a Lists,
    pub(super) faults: Vec<Fault>,
    pub(super) level: u16,
    /// Whether a velocity of a BIN is asked for.
    pub(super) asks_for_bin: bool,
}

/// A part with its type.
pub(super) enum Typed {
    Test(Test, Narrowed),
    Number(Unit, Number),
    Text(Form, Text),
}

impl Typed {
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Test(..) => "true or false",
            Self::Number(unit, _) => unit.in_words(),
            Self::Text(form, _) => form.in_words(),
        }
    }
}

impl Checker<'_> {
    pub(super) fn fault<T>(&mut self, at: &IdedExpr, message: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(self.places.start(at), message));
        None
    }

    /// A part of any type. `known` is what is known to be there where it is evaluated.
    pub(super) fn value(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
        if self.level >= MOST_LEVELS {
            return self.fault(part, format!("the condition is nested deeper than {MOST_LEVELS} levels"));
        }
        self.level += 1;
        let value = self.value_at_level(part, known);
        self.level -= 1;
        value
    }

    fn value_at_level(&mut self, part: &IdedExpr, known: &Known) -> Option<Typed> {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Call(call) if call.func_name == operators::INDEX => self.metadata_by_index(part, &call.args, known),
            Expr::Call(call) => self.call(part, call, known),
            Expr::Select(select) if select.test => self.has(select),
            Expr::Select(_) | Expr::Ident(_) => self.name(part, known),
            Expr::Comprehension(_) => {
                self.fault(part, "`all`, `exists`, `exists_one`, `filter` and `map` are not available")
            }
            Expr::List(_) => self.fault(part, "a list can stand on the right of `in` only"),
            Expr::Map(_) | Expr::Struct(_) => self.fault(part, "maps and messages are not available"),
            Expr::Unspecified => self.fault(part, "this is not an expression"),
        }
    }

    /// A part that has to be true or false.
    pub(super) fn test(&mut self, part: &IdedExpr, known: &Known) -> Option<(Test, Narrowed)> {
        match self.value(part, known)? {
            Typed::Test(test, narrowed) => Some((test, narrowed)),
            other => self.fault(part, format!("this must be true or false, and is {}", other.in_words())),
        }
    }

    /// A part that has to be a text.
    pub(super) fn text(&mut self, part: &IdedExpr, known: &Known) -> Option<(Form, Text)> {
        match self.value(part, known)? {
            Typed::Text(form, text) => Some((form, text)),
            other => self.fault(part, format!("this must be a text, and is {}", other.in_words())),
        }
    }

    fn literal(&mut self, part: &IdedExpr, literal: &LiteralValue) -> Option<Typed> {
        match literal {
            LiteralValue::Boolean(value) => Some(Typed::Test(Test::Const(*value.inner()), Narrowed::default())),
            LiteralValue::Int(value) => Some(Typed::Number(Unit::Count, Number::Const(*value.inner()))),
            LiteralValue::String(value) => Some(Typed::Text(Form::Free, Text::Const(value.inner().to_owned()))),
            LiteralValue::Double(_) => self.fault(
                part,
                "numbers with a fraction are not available; write amounts as `money('10.00')` or `base_money('10.00')`",
            ),
            LiteralValue::UInt(_) => self.fault(part, "write a whole number without `u`"),
            LiteralValue::Bytes(_) => self.fault(part, "bytes are not available; write a text without `b`"),
            LiteralValue::Null => self.fault(part, "`null` is not available; ask with `has(...)` what is there"),
        }
    }

    /// A text that the rule gives as such.
    pub(super) fn string<'e>(&mut self, part: &'e IdedExpr) -> Option<&'e str> {
        match &part.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
            _ => self.fault(part, "this must be a text in quotes"),
        }
    }
}
