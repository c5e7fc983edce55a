//! Redacts bodies of the commerce API: members known to be harmless are kept, of all others only the names.

use super::{refusals, unread};
use crate::upstream::{
    call_log::Redact,
    redaction::{self, LONGEST_VALUE, RedactionRule},
};

/// The members of calls' bodies that are kept.
pub const REDACT: Redact = Redact { body, error_code: refusals::code, unreadable: unread::unreadable };

/// The members of the bodies of calls that are kept. No card, token or payer is among them: `token`, `payload`, `flow_data`,
/// `customer` and the addresses of pages are named only.
const KEPT: [(&str, usize); 31] = [
    ("type", 50),
    ("id", LONGEST_VALUE),
    ("reference_id", LONGEST_VALUE),
    ("invoiceId", LONGEST_VALUE),
    ("status", LONGEST_VALUE),
    ("resolution", LONGEST_VALUE),
    ("resolution_message", LONGEST_VALUE),
    ("amount", LONGEST_VALUE),
    ("currency", LONGEST_VALUE),
    ("processed_amount", LONGEST_VALUE),
    ("refunded_amount", LONGEST_VALUE),
    ("charged_back_amount", LONGEST_VALUE),
    ("service", LONGEST_VALUE),
    ("flow", 50),
    ("payment_flow", 50),
    ("source", 50),
    ("test_mode", 50),
    ("created", LONGEST_VALUE),
    ("updated", LONGEST_VALUE),
    ("processed", LONGEST_VALUE),
    ("refunded", LONGEST_VALUE),
    ("failed", LONGEST_VALUE),
    ("charged_back", LONGEST_VALUE),
    ("auth_mode", 50),
    ("tokenize", 50),
    ("instant", 50),
    ("code", LONGEST_VALUE),
    ("title", LONGEST_VALUE),
    ("detail", LONGEST_VALUE),
    ("message", LONGEST_VALUE),
    ("pointer", LONGEST_VALUE),
];

/// The members whose content is redacted by the same rule instead of being replaced. Of `source` only the pointer of an error is
/// an object.
const RULE: RedactionRule = RedactionRule {
    kept: &KEPT,
    objects: &["data", "attributes", "gateway_options", "cardgate", "error"],
    lists: &["data", "errors", "refunds"],
};

fn body(body: &[u8]) -> String {
    redaction::body(body, &RULE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn redacted(body: Value) -> Value {
        serde_json::from_str(&super::body(body.to_string().as_bytes())).unwrap()
    }

    #[test]
    fn of_a_sale_neither_card_nor_browser_is_kept() {
        let sale = json!({"data": {"type": "sale-operation", "attributes": {"card_number": "4111111111111111",
            "cvv": "123", "browser_info": {"browser_ip": "203.0.113.7"}}}});
        let kept = json!({"data": {"type": "sale-operation", "attributes": {"card_number": "[redacted]",
            "cvv": "[redacted]", "browser_info": "[redacted]"}}});
        assert_eq!(redacted(sale), kept);
    }

    #[test]
    fn of_an_invoice_neither_payer_nor_token_is_kept() {
        let invoice = json!({"data": {"type": "payment-invoices", "id": "cpi_1", "attributes": {"status": "processed",
            "amount": 10.5, "customer": {"name": "Canary"}, "token": "canary", "hpp_url": "https://canary.test",
            "flow_data": {"metadata": {"token": "canary"}}, "payload": {"token": "canary"},
            "metadata": {"id": "canary"}, "gateway_options": {"cardgate": {"tokenize": true}},
            "refunds": [{"id": "ref_1", "amount": 1, "description": "canary"}]}},
            "included": [{"type": "customers", "attributes": {"email": "canary@test"}}]});
        let kept = redacted(invoice);
        assert!(!kept.to_string().contains("anary"), "{kept}");
        let attributes = &kept["data"]["attributes"];
        assert_eq!((&attributes["status"], &attributes["amount"]), (&json!("processed"), &json!(10.5)));
        assert_eq!(attributes["refunds"], json!([{"id": "ref_1", "amount": 1, "description": "[redacted]"}]));
        assert_eq!(attributes["gateway_options"], json!({"cardgate": {"tokenize": true}}));
    }

    #[test]
    fn a_refusal_keeps_its_reasons_without_card_numbers() {
        let refusal = json!({"errors": [{"status": 422, "title": "Invalid", "detail": "4111 1111 1111 1111 is odd"}]});
        let kept = json!({"errors": [{"status": 422, "title": "Invalid", "detail": "**** **** **** 1111 is odd"}]});
        assert_eq!(redacted(refusal), kept);
    }
}
