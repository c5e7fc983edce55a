//! Redacts JSON by a rule: members known to be harmless are kept, of all others only the names.

use serde_json::{Map, Value};

use super::{lenient, sanitize};
use crate::domain::{api_call::MAX_BODY, card_number};

/// The replacement for every value that is not kept.
pub const REDACTED: &str = "[redacted]";

/// The longest value that is kept, in characters.
pub const LONGEST_VALUE: usize = 255;

/// The longest name of a member, in characters.
const LONGEST_NAME: usize = 64;

/// The most members that are named; further ones are dropped unless they are to be kept.
pub const MOST_NAMES: usize = 100;

/// The most entries of a list that are kept.
pub const MOST_ENTRIES: usize = 10;

/// Which members are kept.
#[derive(Clone, Copy)]
pub struct RedactionRule {
    /// Members that are kept, each with its maximum length in characters.
    pub kept: &'static [(&'static str, usize)],
    /// Members that may be an object, to whose members the same rule applies.
    pub objects: &'static [&'static str],
    /// Members that may be a list of objects, to whose members the same rule applies.
    pub lists: &'static [&'static str],
}

/// The members by the rule.
pub fn members(members: Map<String, Value>, rule: &RedactionRule) -> Map<String, Value> {
    let mut redacted = Map::new();
    for (name, value) in members {
        if let Some((_, longest)) = rule.kept.iter().find(|(known, _)| *known == name) {
            redacted.insert(name, value_within(value, *longest));
        } else if redacted.len() < MOST_NAMES {
            let told = inside(&name, value, rule);
            redacted.entry(sanitize::bounded(&name, LONGEST_NAME)).or_insert(told);
        }
    }
    redacted
}

/// The redacted form of a member that is not kept whole.
fn inside(name: &str, value: Value, rule: &RedactionRule) -> Value {
    match value {
        Value::Object(object) if rule.objects.contains(&name) => Value::Object(members(object, rule)),
        Value::Array(list) if rule.lists.contains(&name) => entries(list, rule),
        _ => REDACTED.into(),
    }
}

fn entries(list: Vec<Value>, rule: &RedactionRule) -> Value {
    let of_entry = |entry| match entry {
        Value::Object(object) => Value::Object(members(object, rule)),
        _ => REDACTED.into(),
    };
    list.into_iter().take(MOST_ENTRIES).map(of_entry).collect()
}

fn value_within(value: Value, longest: usize) -> Value {
    let value = without_controls(value);
    let told = match &value {
        Value::String(told) => told.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Null => return value,
        Value::Array(_) | Value::Object(_) => return REDACTED.into(),
    };
    if told.chars().count() > longest {
        return REDACTED.into();
    }
    // An id with letters in it is no card number, however its digits fall; a word before a card's number makes no id of it.
    if (is_id(&told) && !card_number::is_written_in(&told)) || sanitize::mask_card_numbers(&told) == told {
        return value;
    }
    sanitize::mask_card_numbers(&told).into()
}

/// The value without control characters: none means anything in what is kept, and PostgreSQL has no room for a NUL.
fn without_controls(value: Value) -> Value {
    match value {
        Value::String(told) if told.contains(char::is_control) => told.replace(char::is_control, "").into(),
        value => value,
    }
}

fn is_id(told: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    told.starts_with(|first: char| first.is_ascii_alphabetic()) && told.bytes().all(is_plain)
}

/// A body of a call by the rule: at most [`MAX_BODY`] bytes of JSON, empty for an empty body.
pub fn body(body: &[u8], rule: &RedactionRule) -> String {
    if body.is_empty() {
        return String::new();
    }
    let redacted = match lenient::json(body) {
        Ok(Value::Object(object)) => Value::Object(members(object, rule)),
        Ok(Value::Array(list)) => entries(list, rule),
        Ok(_) => REDACTED.into(),
        Err(_) => format!("[not JSON, {} bytes]", body.len()).into(),
    };
    let redacted = redacted.to_string();
    if redacted.len() > MAX_BODY {
        return Value::from(format!("[too long to be kept, {} bytes]", body.len())).to_string();
    }
    redacted
}
