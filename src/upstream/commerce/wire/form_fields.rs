//! The fields of a form that a payer's browser sends.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::private::Private;
use crate::upstream::lenient::Lenient;

/// The most fields of a form that a payer's browser is told to send.
const MOST_FORM_FIELDS: usize = 100;

/// The fields of a form, which are passed on as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormFields(pub BTreeMap<String, Private>);

impl FormFields {
    /// A form without fields, which needs no member.
    pub fn none() -> Option<Self> {
        Some(Self::default())
    }
}

impl Lenient for FormFields {
    /// All of them or none: a bank does not know a form that lacks a field.
    fn lenient(value: Value) -> Option<Self> {
        let members = match value {
            Value::Object(members) if members.len() <= MOST_FORM_FIELDS => members,
            Value::Null => return Self::none(),
            Value::Array(list) if list.is_empty() => return Self::none(),
            _ => return None,
        };
        let field = |(name, value)| match value {
            Value::String(text) => Some((name, Private::new(text))),
            Value::Number(number) => Some((name, Private::new(number.to_string()))),
            Value::Bool(truth) => Some((name, Private::new(truth.to_string()))),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        members.into_iter().map(field).collect::<Option<_>>().map(Self)
    }
}
