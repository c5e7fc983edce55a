//! Redacts bodies of the `intents` API: members known to be harmless are kept, of all others only the names.

use serde_json::{Map, Value};

use super::{lenient, refusals, unread};
use crate::{
    domain::api_call::MAX_BODY,
    upstream::{call_log::Redact, sanitize},
};

/// The replacement for every value that is not kept.
pub const REDACTED: &str = "[redacted]";

/// The longest value that is kept, in characters.
pub const LONGEST_VALUE: usize = 255;

/// The longest name of a member, in characters.
const LONGEST_NAME: usize = 64;

/// The most members that are named; further ones are dropped unless they are to be kept.
pub const MOST_NAMES: usize = 100;

/// The most entries of a list that are kept.
const MOST_ENTRIES: usize = 10;

/// The members of calls' bodies that are kept.
pub const REDACT: Redact = Redact { body, error_code: refusals::code, unreadable: unread::unreadable };

/// The members of the bodies of calls that are kept.
const KEPT: [(&str, usize); 18] = [
    ("id", LONGEST_VALUE),
    ("payment_id", LONGEST_VALUE),
    ("customer_id", LONGEST_VALUE),
    ("payment_method_id", LONGEST_VALUE),
    ("reference_id", LONGEST_VALUE),
    ("status", LONGEST_VALUE),
    ("amount", LONGEST_VALUE),
    ("amount_refunded", LONGEST_VALUE),
    ("amount_charged_back", LONGEST_VALUE),
    ("currency", LONGEST_VALUE),
    ("payment_method", 50),
    ("type", 50),
    ("created_at", LONGEST_VALUE),
    ("updated_at", LONGEST_VALUE),
    ("error_code", LONGEST_VALUE),
    ("code", LONGEST_VALUE),
    ("message", LONGEST_VALUE),
    ("three_ds_version", 50),
];

/// The members whose content is redacted by the same rule instead of being replaced. `data` only where it is a list: as
/// an object it is a payment method with all its secrets.
const RULE: RedactionRule = RedactionRule { kept: &KEPT, objects: &["error", "errors"], lists: &["data", "refunds"] };

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
    // An id with a letter in it is no card number, however its digits fall.
    if is_id(&told) || sanitize::mask_card_numbers(&told) == told {
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

fn body(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let redacted = match lenient::json(body) {
        Ok(Value::Object(object)) => Value::Object(members(object, &RULE)),
        Ok(Value::Array(list)) => entries(list, &RULE),
        Ok(_) => REDACTED.into(),
        Err(_) => format!("[not JSON, {} bytes]", body.len()).into(),
    };
    let redacted = redacted.to_string();
    if redacted.len() > MAX_BODY {
        return Value::from(format!("[too long to be kept, {} bytes]", body.len())).to_string();
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redacted(body: Value) -> Value {
        serde_json::from_str(&super::body(body.to_string().as_bytes())).unwrap()
    }

    #[test]
    fn of_a_call_only_what_is_known_to_be_harmless_is_kept() {
        let request = json!({
            "amount": 10.50, "currency": "USD", "card_number": "4111111111111111", "card_cvv": "123",
            "metadata": {"id": "secret"}, "reference_id": "pi_1",
        });
        assert_eq!(
            redacted(request),
            json!({
                "amount": 10.50, "currency": "USD", "card_number": "[redacted]", "card_cvv": "[redacted]",
                "metadata": "[redacted]", "reference_id": "pi_1",
            })
        );
    }

    #[test]
    fn errors_refunds_and_lists_are_looked_into() {
        let answer = json!({
            "error": {"code": "declined", "message": "card 4111 1111 1111 1111 is bad", "raw": "x"},
            "errors": {"email": ["jane@example.com is wrong"]},
            "refunds": [{"id": "re_1", "reason": "secret"}], "data": "4111",
        });
        assert_eq!(
            redacted(answer),
            json!({
                "error": {"code": "declined", "message": "card **** **** **** 1111 is bad", "raw": "[redacted]"},
                "errors": {"email": "[redacted]"},
                "refunds": [{"id": "re_1", "reason": "[redacted]"}], "data": "[redacted]",
            })
        );
        let blik = json!({"type": "blik", "data": {"code": "123456"}});
        assert_eq!(redacted(blik), json!({"type": "blik", "data": "[redacted]"}));
        assert_eq!(redacted(json!([{"id": "a", "secret": 1}])), json!([{"id": "a", "secret": "[redacted]"}]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!(body(b""), "");
        assert_eq!(body(b"<html>4111"), "\"[not JSON, 10 bytes]\"");
        let flood: Map<String, Value> = (0..1000).map(|n| (format!("{n:060}"), json!(1))).collect();
        assert!(body(Value::Object(flood).to_string().as_bytes()).starts_with("\"[too long to be kept, "));
        let list: Vec<_> = (0..1000).map(|n| json!({"id": n})).collect();
        assert_eq!(redacted(json!({"data": list}))["data"].as_array().unwrap().len(), MOST_ENTRIES);
    }

    #[test]
    fn a_refusal_tells_its_code() {
        let error_code = REDACT.error_code;
        assert_eq!(error_code(br#"{"error_code": "CardDeclined"}"#).as_deref(), Some("card_declined"));
        assert_eq!(error_code(b"{}"), None);
        assert_eq!(error_code(b"nonsense"), None);
    }

    #[test]
    fn a_byte_order_mark_hides_nothing() {
        let marked = "\u{feff}{\"id\": \"a\", \"secret\": 1}";
        assert_eq!(body(marked.as_bytes()), r#"{"id":"a","secret":"[redacted]"}"#);
    }
}
