//! The references of card networks that a paid card has. Each is made of the invoice's id, and so stays the same.

use serde_json::{Value, json};

use super::invoice::Invoice;
use crate::sandbox::payment::SandboxPayment;

/// The members `rrn`, `approval_code` and `arn`: digits in the lengths that networks have, `null` unless a card has paid.
pub(super) fn members(payment: &SandboxPayment, invoice: &Invoice) -> [(&'static str, Value); 3] {
    let is_paid_by_card = invoice.paid_at.is_some() && invoice.card.is_some();
    let number = payment.id.bytes().fold(1_u128, |number, byte| number.wrapping_mul(257).wrapping_add(byte.into()));
    [("rrn", 12_u32), ("approval_code", 6), ("arn", 23)].map(|(name, length)| {
        let digits = format!("{:0width$}", number % 10_u128.pow(length), width = length as usize);
        (name, if is_paid_by_card { json!(digits) } else { Value::Null })
    })
}
