//! Redacts bodies of the `intents` API: members known to be harmless are kept, of all others only the names.

use super::{refusals, unread};
use crate::upstream::{
    call_log::Redact,
    redaction::{self, LONGEST_VALUE, RedactionRule},
};

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

fn body(body: &[u8]) -> String {
    redaction::body(body, &RULE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::redaction::MOST_ENTRIES;
    use serde_json::{Map, Value, json};

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
