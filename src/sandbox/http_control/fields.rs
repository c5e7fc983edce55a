//! Reads the body of a control field by field, and names everything that is wrong with it at once.

use axum::body::Bytes;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refusals::ControlRefusal;
use crate::{
    domain::money::{Currency, Money},
    sandbox::answer::{FieldProblems, SandboxRefusal},
};

/// The form of an amount, as a refusal says it.
const AMOUNT: &str = "must be a text such as \"10.50\"";

/// The fields of a body, which is a JSON object, or empty.
pub(super) struct ControlFields {
    object: Map<String, Value>,
    problems: FieldProblems,
}

impl ControlFields {
    /// Reads a body.
    pub fn read(body: &Bytes) -> Result<Self, ControlRefusal> {
        let object = if body.trim_ascii().is_empty() { Some(Map::new()) } else { serde_json::from_slice(body).ok() };
        let refusal = || SandboxRefusal::new(400, "malformed_request", "the body is not a JSON object");
        Ok(Self { object: object.ok_or_else(refusal)?, problems: FieldProblems::default() })
    }

    /// Refuses a body that has any field.
    pub fn none(body: &Bytes) -> Result<(), ControlRefusal> {
        Self::read(body)?.finish()
    }

    /// Notes `problem` of `field`.
    pub fn problem(&mut self, field: &str, problem: &str) {
        self.problems.check(false, field, problem);
    }

    /// The fields that are left, without those that are `null`.
    pub fn left(&self) -> Vec<String> {
        self.object.iter().filter(|(_, value)| !value.is_null()).map(|(field, _)| field.clone()).collect()
    }

    /// Takes a field away; `null` is one that is not given.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.object.remove(field).filter(|value| !value.is_null())
    }

    /// Takes a field of this type; `must` says what it has to be.
    pub fn optional<T: DeserializeOwned>(&mut self, field: &str, must: &str) -> Option<T> {
        let value = self.take(field)?;
        let read = serde_json::from_value(value).ok();
        self.problems.check(read.is_some(), field, must);
        read
    }

    /// Takes a field of this type that has to be given.
    pub fn required<T: DeserializeOwned>(&mut self, field: &str, must: &str) -> Option<T> {
        if self.object.get(field).is_none_or(Value::is_null) {
            self.object.remove(field);
            self.problem(field, must);
            return None;
        }
        self.optional(field, must)
    }

    /// Takes an amount in major units, a text such as `"10.50"`, of more than 0.
    pub fn amount(&mut self, field: &str, currency: Currency) -> Option<Money> {
        let text: String = self.optional(field, AMOUNT)?;
        self.parsed(field, &text, currency)
    }

    /// The same of 0 or more.
    pub fn amount_or_none(&mut self, field: &str, currency: Currency) -> Option<Money> {
        let text: String = self.optional(field, AMOUNT)?;
        match Decimal::from_str_exact(&text) {
            Ok(zero) if zero.is_zero() => Some(Money::new(0, currency)),
            _ => self.parsed(field, &text, currency),
        }
    }

    fn parsed(&mut self, field: &str, text: &str, currency: Currency) -> Option<Money> {
        let read = Money::parse(text, currency);
        if let Err(problem) = &read {
            self.problem(field, problem);
        }
        read.ok()
    }

    /// Refuses the body if anything is wrong with it: fields that were not taken are.
    pub fn finish(mut self) -> Result<(), ControlRefusal> {
        for field in self.object.keys() {
            self.problems.check(false, field, "is not a field of this call");
        }
        Ok(self.problems.refuse()?)
    }
}
