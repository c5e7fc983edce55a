//! Reads and redacts webhooks of the `intents` API.

use serde_json::{Map, Value};

use crate::upstream::{
    About, Notice,
    lenient::{self, Lenient as _},
    redaction::{self, LONGEST_VALUE, REDACTED, RedactionRule},
};

/// The members that are kept, each with the most characters it may have.
const KEPT: [(&str, usize); 11] = [
    ("event_type", LONGEST_VALUE),
    ("event_id", LONGEST_VALUE),
    ("event_time", LONGEST_VALUE),
    ("payment_id", LONGEST_VALUE),
    ("payment_intent_id", LONGEST_VALUE),
    ("customer_id", LONGEST_VALUE),
    ("amount", LONGEST_VALUE),
    ("currency", LONGEST_VALUE),
    ("status", LONGEST_VALUE),
    ("reference_id", LONGEST_VALUE),
    ("payment_method", 50),
];

/// The part of a body that may be kept: the members we act on; of all others only the names. `None` when it is not a
/// JSON object.
pub fn redact(body: &[u8]) -> Option<String> {
    let Value::Object(members) = lenient::json(body).ok()? else { return None };
    Some(
        Value::Object(redaction::members(members, &RedactionRule { kept: &KEPT, objects: &[], lists: &[] }))
            .to_string(),
    )
}

/// The meaning of a redacted body. `None` when it names no event.
pub fn read(redacted: &str) -> Option<Notice> {
    let members: Map<String, Value> = serde_json::from_str(redacted).ok()?;
    let member = |name| members.get(name).and_then(known_value);
    let event_type = member("event_type")?;
    let about = about(&event_type, &member);
    Some(Notice { event_id: member("event_id").unwrap_or_default(), event_type, about })
}

fn about(event_type: &str, member: &impl Fn(&'static str) -> Option<String>) -> About {
    let event_type = event_type.trim().to_ascii_lowercase();
    match event_type.split_once('.').map(|(kind, _)| kind) {
        Some("payment" | "refund") => About::Payment {
            upstream_ids: [member("payment_intent_id"), member("payment_id")].into_iter().flatten().collect(),
            reference: member("reference_id"),
            only_success: event_type == "payment.succeeded",
        },
        Some("customer") => member("customer_id").map_or(About::Other, About::Customer),
        Some("payment_method") => member("customer_id").map_or(About::Other, About::PaymentMethods),
        _ => About::Other,
    }
}

/// A member with a value: neither empty nor redacted.
fn known_value(value: &Value) -> Option<String> {
    String::lenient(value.clone()).filter(|text| text != REDACTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::redaction::MOST_NAMES;
    use serde_json::json;

    fn redacted(body: Value) -> Value {
        serde_json::from_str(&redact(body.to_string().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn only_what_we_act_on_is_kept() {
        let body = json!({
            "event_type": "payment.succeeded", "event_id": "evt_1", "amount": 10.50, "payment_method": "card",
            "reference_id": "pi_01994111111111111111aaaaaaaaaaaa", "email": "jane@example.com",
            "metadata": {"cvv": "987"}, "status": {"nested": "secret"}, "currency": null,
        });
        assert_eq!(
            redacted(body),
            json!({
                "event_type": "payment.succeeded", "event_id": "evt_1", "amount": 10.50, "payment_method": "card",
                "reference_id": "pi_01994111111111111111aaaaaaaaaaaa", "email": "[redacted]",
                "metadata": "[redacted]", "status": "[redacted]", "currency": null,
            })
        );
    }

    #[test]
    fn card_numbers_and_long_values_are_not_kept() {
        let body = json!({
            "event_id": "4111111111111111", "payment_id": 4_111_111_111_111_111_u64, "status": "x".repeat(256),
            "payment_method": "y".repeat(51), "reference_id": "z".repeat(255), "4111111111111111": 1,
            "n".repeat(500): 1,
        });
        let expected = json!({
            "event_id": "************1111", "payment_id": "************1111", "status": "[redacted]",
            "payment_method": "[redacted]", "reference_id": "z".repeat(255), "************1111": "[redacted]",
            "n".repeat(64): "[redacted]",
        });
        assert_eq!(redacted(body), expected);
    }

    #[test]
    fn a_card_number_with_a_word_before_it_is_not_kept_and_an_id_is() {
        for (told, kept) in [
            ("order-4111111111111111", "order-************1111"),
            ("card-4111-1111-1111-1111", "card-****-****-****-1111"),
            ("in_4111111111111111", "in_4111111111111111"),
            ("a4111111111111111", "a4111111111111111"),
        ] {
            assert_eq!(redacted(json!({"reference_id": told})), json!({"reference_id": kept}), "{told}");
        }
    }

    #[test]
    fn a_flood_of_members_does_not_drown_what_we_act_on() {
        let mut body: Map<String, Value> = (0..10_000).map(|n| (format!("a{n}"), json!(n))).collect();
        body.insert("event_type".to_owned(), json!("payment.failed"));
        let kept = redacted(Value::Object(body));
        assert!(kept.as_object().unwrap().len() <= MOST_NAMES + 1);
        assert_eq!(kept["event_type"], "payment.failed");
    }

    #[test]
    fn a_name_that_only_looks_like_another_takes_nothing_from_it() {
        let kept = redacted(json!({"event_type": "payment.failed", "event_type\u{7}": "payment.succeeded"}));
        assert_eq!(kept, json!({"event_type": "payment.failed"}));
    }

    #[test]
    fn what_is_no_object_is_not_kept() {
        for body in ["", "[]", "1", "null", "{", "\u{fffd}"] {
            assert_eq!(redact(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_ids_that_are_numbers_are_read() {
        let marked = "\u{feff}{\"event_type\": \"customer.created\", \"customer_id\": 17}";
        let notice = read(&redact(marked.as_bytes()).unwrap()).unwrap();
        assert_eq!(notice.about, About::Customer("17".to_owned()));
    }

    #[test]
    fn a_webhook_tells_what_it_is_about() {
        let about = |body: Value| read(&redact(body.to_string().as_bytes()).unwrap()).map(|notice| notice.about);
        let ids =
            json!({"payment_id": "pay_1", "payment_intent_id": "in_1", "customer_id": "cus_1", "reference_id": "r"});
        let of_type = |event_type: &str| {
            let mut body = ids.clone();
            body["event_type"] = event_type.into();
            about(body).unwrap()
        };
        let payment = |only_success| About::Payment {
            upstream_ids: vec!["in_1".to_owned(), "pay_1".to_owned()],
            reference: Some("r".to_owned()),
            only_success,
        };
        assert_eq!(of_type("payment.succeeded"), payment(true));
        assert_eq!(of_type("payment.failed"), payment(false));
        assert_eq!(of_type("Payment.Succeeded"), payment(true));
        assert_eq!(of_type("refund.succeeded"), payment(false));
        assert_eq!(of_type("customer.created"), About::Customer("cus_1".to_owned()));
        assert_eq!(of_type("payment_method.updated"), About::PaymentMethods("cus_1".to_owned()));
        assert_eq!(of_type("payout.created"), About::Other);
        assert_eq!(about(json!({"event_type": "customer.created"})), Some(About::Other));
        assert_eq!(about(json!({"event_id": "evt_1"})), None);
    }
}
