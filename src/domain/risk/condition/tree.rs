//! The tree that a condition becomes. Each of its three kinds of nodes has one type, so that no node can have a part of a wrong
//! one. Logic is CEL's: what does not matter for the result does not fail it, whichever side it stands on.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use crate::domain::{
    money::{Currency, Money},
    risk::{
        condition::schema::Field,
        facts::Facts,
        inputs::RiskInputs,
        subject::Dimension,
        velocity::{Measure, Window},
    },
};

/// The reason why a condition has neither held nor not held. Has no personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A number left the range of 64 bits.
    #[error("a number became too large")]
    TooLarge,
    /// A division by zero.
    #[error("a number was divided by zero")]
    DividedByZero,
    /// The currency has no such amount.
    #[error("{currency} has no amount of {amount}")]
    NoSuchAmount {
        /// The amount that the rule gives.
        amount: Decimal,
        /// Code of the currency.
        currency: &'static str,
    },
    /// An input that was asked for with `has` is not there: a fault of ours.
    #[error("an input is missing")]
    Missing,
}

/// A node that is true or false.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Const(bool),
    Field(fn(&RiskInputs) -> Option<bool>),
    Has(&'static Field),
    HasMetadata(String),
    And(Box<[Test; 2]>),
    Or(Box<[Test; 2]>),
    Not(Box<Test>),
    If(Box<[Test; 3]>),
    Same(Box<[Test; 2]>),
    Compare(Comparison, Box<[Number; 2]>),
    NumberIn(Number, Vec<Number>),
    TextIn(Text, Vec<Text>),
    Part(Part, Box<[Text; 2]>),
    InList(String, Text),
}

/// A node that is a whole number.
#[derive(Clone, Debug)]
pub(super) enum Number {
    Const(i64),
    Field(fn(&RiskInputs) -> Option<i64>),
    Velocity(Dimension, Window, Measure),
    Money(Decimal, fn(&RiskInputs) -> Option<Money>),
    Size(Text),
    Arithmetic(Operation, Box<[Number; 2]>),
    If(Box<(Test, Number, Number)>),
}

/// A node that is a text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Const(String),
    Field(fn(&RiskInputs) -> Option<&str>),
    Metadata(String),
    If(Box<(Test, Text, Text)>),
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// How two numbers make a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Where one text is looked for in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Start,
    End,
    Anywhere,
}

impl Test {
    pub(super) fn eval(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        match self {
            Self::Const(value) => Ok(*value),
            Self::Field(read) => read(facts.inputs).ok_or(Failure::Missing),
            Self::Has(field) => Ok(field.is_there(facts.inputs)),
            Self::HasMetadata(key) => Ok(facts.inputs.metadata.contains_key(key)),
            Self::And(sides) => decided_by(false, sides, facts),
            Self::Or(sides) => decided_by(true, sides, facts),
            Self::Not(test) => Ok(!test.eval(facts)?),
            Self::If(parts) => if parts[0].eval(facts)? { &parts[1] } else { &parts[2] }.eval(facts),
            Self::Same(sides) => Ok(sides[0].eval(facts)? == sides[1].eval(facts)?),
            Self::Compare(how, sides) => Ok(how.holds(sides[0].eval(facts)?.cmp(&sides[1].eval(facts)?))),
            Self::NumberIn(value, among) => {
                let value = value.eval(facts)?;
                any(among, |other| Ok(other.eval(facts)? == value))
            }
            Self::TextIn(value, among) => {
                let value = value.eval(facts)?;
                any(among, |other| Ok(other.eval(facts)? == value))
            }
            Self::Part(part, texts) => Ok(part.is_in(texts[0].eval(facts)?, texts[1].eval(facts)?)),
            Self::InList(list, value) => Ok(facts.lists.contains(list, value.eval(facts)?, facts.ip, facts.inputs.at)),
        }
    }
}

/// The result of `&&` and `||`: a side that is `decisive` is the result, even where the other one fails.
fn decided_by(decisive: bool, sides: &[Test; 2], facts: &Facts<'_>) -> Result<bool, Failure> {
    match sides[0].eval(facts) {
        Ok(value) if value == decisive => Ok(decisive),
        Ok(_) => sides[1].eval(facts),
        Err(failure) => match sides[1].eval(facts) {
            Ok(value) if value == decisive => Ok(decisive),
            _ => Err(failure),
        },
    }
}

/// Whether one of them is it. All are evaluated: CEL makes the whole list before it looks into it.
fn any<T>(among: &[T], is_it: impl Fn(&T) -> Result<bool, Failure>) -> Result<bool, Failure> {
    among.iter().try_fold(false, |found, other| Ok(is_it(other)? || found))
}

impl Number {
    fn eval(&self, facts: &Facts<'_>) -> Result<i64, Failure> {
        match self {
            Self::Const(value) => Ok(*value),
            Self::Field(read) => read(facts.inputs).ok_or(Failure::Missing),
            Self::Velocity(dimension, window, measure) => Ok(facts.velocities.get(*dimension, *window, *measure)),
            Self::Money(amount, like) => {
                let currency = like(facts.inputs).ok_or(Failure::Missing)?.currency;
                in_minor(*amount, currency)
            }
            Self::Size(text) => i64::try_from(text.eval(facts)?.chars().count()).map_err(|_| Failure::TooLarge),
            Self::Arithmetic(operation, sides) => operation.of(sides[0].eval(facts)?, sides[1].eval(facts)?),
            Self::If(parts) => if parts.0.eval(facts)? { &parts.1 } else { &parts.2 }.eval(facts),
        }
    }
}

fn in_minor(amount: Decimal, currency: Currency) -> Result<i64, Failure> {
    let money = Money::from_major(amount, currency);
    money.map(|money| money.minor).ok_or(Failure::NoSuchAmount { amount, currency: currency.code() })
}

impl Text {
    fn eval<'a>(&'a self, facts: &Facts<'a>) -> Result<&'a str, Failure> {
        match self {
            Self::Const(text) => Ok(text),
            Self::Field(read) => read(facts.inputs).ok_or(Failure::Missing),
            Self::Metadata(key) => facts.inputs.metadata.get(key).map(String::as_str).ok_or(Failure::Missing),
            Self::If(parts) => if parts.0.eval(facts)? { &parts.1 } else { &parts.2 }.eval(facts),
        }
    }
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::MoreOrEqual => ordering.is_ge(),
        }
    }
}

impl Operation {
    fn of(self, left: i64, right: i64) -> Result<i64, Failure> {
        let value = match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide | Self::Remainder if right == 0 => return Err(Failure::DividedByZero),
            Self::Divide => left.checked_div(right),
            Self::Remainder => left.checked_rem(right),
        };
        value.ok_or(Failure::TooLarge)
    }
}

impl Part {
    fn is_in(self, whole: &str, part: &str) -> bool {
        match self {
            Self::Start => whole.starts_with(part),
            Self::End => whole.ends_with(part),
            Self::Anywhere => whole.contains(part),
        }
    }
}
