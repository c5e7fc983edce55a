//! Functions: what can be called, and with what.

use cel::common::ast::{CallExpr, IdedExpr};
use rust_decimal::Decimal;

use super::{
    checker::{Checker, Typed},
    known::Known,
    logic::plain,
};
use crate::domain::{
    money::{MAX_DIGITS, Money},
    risk::{
        condition::{
            schema::{Unit, counted_field, field},
            tree::{Number, Part, Test},
        },
        inputs::RiskInputs,
        subject::Dimension,
        velocity::{Measure, Window},
    },
};

/// The amount whose currency is meant.
type Like = fn(&RiskInputs) -> Option<Money>;

/// A function as the reference page shows it.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// A call of it.
    pub call: &'static str,
    /// Its result.
    pub about: &'static str,
}

const fn function(name: &'static str, call: &'static str, about: &'static str) -> Function {
    Function { name, call, about }
}

/// Every function.
#[rustfmt::skip]
pub static FUNCTIONS: &[Function] = &[
    function("has", "has(card.country)", "Whether the attempt has this input"),
    function("velocity", "velocity('ip', '1h', 'attempts')", "How often it happened to the attempt's card, IP address, email address, customer or BIN within the window, before this attempt. `has` must be asked for the input first (`card.subject`, `ip.subject`, `email.subject`, `customer.id` or `card.bin`). `'amount'` is an amount in the base currency"),
    function("in_list", "in_list('vips', customer.id)", "Whether a list has the value. The list must exist, and be for values of this kind"),
    function("money", "money('500.00')", "An amount in the payment's currency. `has(payment.amount)` must be asked first"),
    function("base_money", "base_money('500.00')", "An amount in the base currency. `has(payment.base_amount)` must be asked first"),
    function("startsWith", "card.bin.startsWith('4111')", "Whether the text begins so"),
    function("endsWith", "email.domain.endsWith('.example')", "Whether the text ends so"),
    function("contains", "card.issuer.contains('Bank')", "Whether the text has this within it"),
    function("size", "size(metadata.note)", "The number of the text's characters"),
];

impl Checker<'_> {
    pub(super) fn function(&mut self, part: &IdedExpr, call: &CallExpr, known: &Known) -> Option<Typed> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("velocity", None, [dimension, window, measure]) => {
                self.velocity(part, [dimension, window, measure], known)
            }
            ("in_list", None, [list, value]) => self.in_list(list, value, known),
            ("money", None, [amount]) => {
                self.money(part, amount, known, (Unit::Amount, "payment.amount", |inputs| inputs.amount))
            }
            ("base_money", None, [amount]) => {
                self.money(part, amount, known, (Unit::BaseAmount, "payment.base_amount", |inputs| inputs.base_amount))
            }
            ("startsWith", Some(text), [start]) => self.part_of(Part::Start, text, start, known),
            ("endsWith", Some(text), [end]) => self.part_of(Part::End, text, end, known),
            ("contains", Some(text), [within]) => self.part_of(Part::Anywhere, text, within, known),
            ("size", Some(text), []) | ("size", None, [text]) => {
                let (_, text) = self.text(text, known)?;
                Some(Typed::Number(Unit::Count, Number::Size(text)))
            }
            (name, ..) => self.no_such_call(part, name),
        }
    }

    fn no_such_call(&mut self, part: &IdedExpr, name: &str) -> Option<Typed> {
        if let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) {
            return self.fault(part, format!("`{name}` must be called as `{}`", function.call));
        }
        let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_operator {
            return self.fault(part, "this operator is not available");
        }
        let names: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
        self.fault(part, format!("`{name}` is no function; there are {}", names.join(", ")))
    }

    fn velocity(&mut self, part: &IdedExpr, [a, b, c]: [&IdedExpr; 3], known: &Known) -> Option<Typed> {
        let dimension = self.word(a, Dimension::ALL, Dimension::as_str);
        let window = self.word(b, Window::ALL, Window::as_str);
        let measure = self.word(c, Measure::ALL, Measure::as_str);
        let (dimension, window, measure) = (dimension?, window?, measure?);
        if (dimension, measure) == (Dimension::Bin, Measure::DistinctCards) {
            return self.fault(part, "distinct cards are not counted by BIN");
        }
        self.must_know(part, "a velocity of this kind", counted_field(dimension), known)?;
        self.asks_for_bin |= dimension == Dimension::Bin;
        let unit = if measure == Measure::Amount { Unit::BaseAmount } else { Unit::Count };
        Some(Typed::Number(unit, Number::Velocity(dimension, window, measure)))
    }

    fn in_list(&mut self, list: &IdedExpr, value: &IdedExpr, known: &Known) -> Option<Typed> {
        let name = self.string(list);
        let kind = name.and_then(|name| match self.lists.kind(name) {
            Some(kind) => Some(kind),
            None => self.fault(list, format!("there is no list `{name}`")),
        });
        let (form, text) = self.text(value, known)?;
        let (name, kind) = (name?, kind?);
        if form.list_kind() != Some(kind) {
            let message =
                format!("the list `{name}` is of the kind `{}`, and this is {}", kind.as_str(), form.in_words());
            return self.fault(value, message);
        }
        Some(plain(Test::InList(name.to_owned(), text)))
    }

    fn money(
        &mut self,
        part: &IdedExpr,
        amount: &IdedExpr,
        known: &Known,
        (unit, guard, like): (Unit, &'static str, Like),
    ) -> Option<Typed> {
        let text = self.string(amount)?;
        let Some(value) = decimal(text) else {
            let message = format!("this must be a decimal number of at most {MAX_DIGITS} digits, as `'500.00'`");
            return self.fault(amount, message);
        };
        self.must_know(part, "its currency", guard, known)?;
        Some(Typed::Number(unit, Number::Money(value, like)))
    }

    fn part_of(&mut self, how: Part, whole: &IdedExpr, part: &IdedExpr, known: &Known) -> Option<Typed> {
        let (whole, part) = (self.text(whole, known), self.text(part, known));
        let ((_, whole), (_, part)) = (whole?, part?);
        Some(plain(Test::Part(how, Box::new([whole, part]))))
    }

    fn must_know(&mut self, part: &IdedExpr, what: &str, path: &'static str, known: &Known) -> Option<()> {
        if field(path).is_some_and(|field| known.has(field)) {
            return Some(());
        }
        self.fault(part, format!("{what} can be missing: write `has({path}) &&` before it"))
    }

    /// One of some words, in quotes.
    fn word<T: Copy>(&mut self, part: &IdedExpr, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        let word = self.string(part)?;
        all.iter().copied().find(|value| as_str(*value) == word).or_else(|| {
            let words: Vec<_> = all.iter().map(|value| format!("'{}'", as_str(*value))).collect();
            self.fault(part, format!("this must be one of {}", words.join(", ")))
        })
    }
}

/// An amount as a rule writes it: digits, and decimals after a point. Zero is one.
fn decimal(text: &str) -> Option<Decimal> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let value = (digits(whole) && digits(decimals)).then(|| Decimal::from_str_exact(text).ok()).flatten()?;
    (value.normalize().mantissa() < 10_i128.pow(MAX_DIGITS)).then_some(value.normalize())
}
