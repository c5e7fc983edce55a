//! The part of a request's body that may be seen: members that are known to be harmless; whatever else is there is covered.

use serde_json::{Map, Value};

/// The largest body that is kept, in bytes.
const MAX_SEEN_BODY: usize = 4_096;
/// Stands for what is not shown.
const COVERED: &str = "[redacted]";

/// Members whose texts and numbers tell of the payment and of nobody.
const HARMLESS: &[&str] = &[
    "amount",
    "callback_url",
    "currency",
    "flow",
    "instant",
    "invoiceId",
    "payment_id",
    "payment_method",
    "reference_id",
    "sandbox",
    "service",
    "test_mode",
    "tokenize",
    "type",
];

/// A body as it may be seen; `None` when it is no JSON, or too long.
pub(super) fn seen(body: &[u8]) -> Option<Value> {
    let value = (body.len() <= MAX_SEEN_BODY).then(|| serde_json::from_slice(body).ok()).flatten()?;
    Some(covered(value, false))
}

fn covered(value: Value, is_harmless: bool) -> Value {
    match value {
        Value::Object(members) => {
            let cover = |(name, value): (String, Value)| {
                let is_harmless = HARMLESS.contains(&name.as_str());
                (name, covered(value, is_harmless))
            };
            Value::Object(members.into_iter().map(cover).collect::<Map<_, _>>())
        }
        Value::Array(entries) => entries.into_iter().map(|entry| covered(entry, false)).collect(),
        Value::Null => Value::Null,
        other if is_harmless => other,
        _ => COVERED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_but_harmless_members_is_seen() {
        let body = json!({"data": {"type": "sale", "attributes": {"card_number": "4111111111111111", "amount": 10.5,
            "customer": {"name": "Ada", "reference_id": "cus_1"}, "metadata": {"sandbox": "approve", "note": "secret"},
            "list": ["secret", null]}}});
        let shown = json!({"data": {"type": "sale", "attributes": {"card_number": COVERED, "amount": 10.5,
            "customer": {"name": COVERED, "reference_id": "cus_1"}, "metadata": {"sandbox": "approve", "note": COVERED},
            "list": [COVERED, null]}}});
        assert_eq!(seen(body.to_string().as_bytes()), Some(shown));
        assert_eq!(seen(b"amount=1"), None);
        assert_eq!(seen(format!("{:>5000}", "{}").as_bytes()), None);
    }
}
