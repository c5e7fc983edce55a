//! Finds the parts of an answer that are there and that we cannot read, so that they do not vanish in silence. Reads with
//! the same readers as the dialect itself.

use serde::Deserialize;
use serde_json::Value;

use super::{
    answers::{is_known_status, refund_state},
    wire::{
        AccountDocument, InvoiceDocument, InvoiceList, InvoiceRefund, PrerequestDocument, RefundAnswer, SaleAnswer,
        WireInvoice,
    },
};
use crate::domain::network_references::{acquirer_reference_number, approval_code, retrieval_reference_number};
use crate::upstream::{
    amounts::money,
    lenient::{Lenient as _, json},
    reading,
    values::Amount,
};

/// The parts of the body of a success of `operation` that are there and cannot be read, each named once.
pub fn unreadable(operation: &'static str, body: &[u8]) -> Vec<&'static str> {
    let Ok(value) = json(body) else { return vec!["body"] };
    let parts = match operation {
        "payment_intent.create" | "payment.find" => {
            InvoiceDocument::deserialize(&value).map(|InvoiceDocument(invoice)| of_invoice(&invoice, &value["data"]))
        }
        "payment.find_by_reference" => InvoiceList::deserialize(&value).map(|InvoiceList(list)| of_list(&list.read)),
        "payment_intent.confirm" => return of_sale(value),
        "refund.create" => RefundAnswer::deserialize(&value).map(|answer| match answer {
            RefundAnswer::Refund(refund) => of_refund(&refund),
            RefundAnswer::Invoice(invoice) => of_invoice(&invoice, &value["data"]),
        }),
        "payment_method.list_supported" => PrerequestDocument::deserialize(&value).map(|_| Vec::new()),
        "connection.test" | "account.balances" => AccountDocument::deserialize(&value).map(|_| Vec::new()),
        _ => Ok(Vec::new()),
    };
    let mut parts = parts.unwrap_or_else(|_| vec!["body"]);
    parts.sort_unstable();
    parts.dedup();
    parts
}

fn of_sale(answer: Value) -> Vec<&'static str> {
    match SaleAnswer::lenient(answer) {
        None => vec!["body"],
        Some(answer) if is_known_status(&answer.status.trim().to_ascii_lowercase()) => Vec::new(),
        Some(_) => vec!["status"],
    }
}

/// A list that is complete is counted by its readers; its entries are whole invoices.
fn of_list(invoices: &[WireInvoice]) -> Vec<&'static str> {
    invoices.iter().flat_map(|invoice| of_invoice(invoice, &Value::Null)).collect()
}

fn of_invoice(invoice: &WireInvoice, value: &Value) -> Vec<&'static str> {
    let told = &invoice.attributes;
    let is_lost = |name: &str, is_read: bool| {
        let member = value.pointer("/attributes").and_then(|attributes| attributes.get(name));
        !is_read && member.is_some_and(|member| !member.is_null())
    };
    let amount = |amount: Option<Amount>| money(amount, &told.currency).is_ok();
    // An empty reference is one that is not known yet.
    let reference = |name: &str, told: &Option<String>, read: fn(&str) -> Option<String>| {
        let is_empty = value.pointer("/attributes").is_some_and(|attributes| attributes[name] == "");
        !is_empty && is_lost(name, told.as_deref().and_then(read).is_some())
    };
    let odd_refund = told.refunds.iter().flat_map(|refunds| &refunds.read).any(|refund| !of_refund(refund).is_empty());
    let is_short = told.refunds.as_ref().is_some_and(|refunds| refunds.left_out > 0);
    [
        ("id", reading::id(invoice.id.clone()).is_err()),
        ("status", !is_known_status(&told.status.trim().to_ascii_lowercase())),
        ("amount", !amount(told.amount)),
        ("processed_amount", is_lost("processed_amount", amount(told.processed_amount))),
        ("refunded_amount", is_lost("refunded_amount", amount(told.refunded_amount))),
        ("charged_back_amount", is_lost("charged_back_amount", amount(told.charged_back_amount))),
        ("rrn", reference("rrn", &told.rrn, retrieval_reference_number)),
        ("approval_code", reference("approval_code", &told.approval_code, approval_code)),
        ("arn", reference("arn", &told.arn, acquirer_reference_number)),
        ("reference_id", is_lost("reference_id", told.reference_id.is_some())),
        ("updated", is_lost("updated", told.updated.is_some())),
        ("refunds", odd_refund || is_short || is_lost("refunds", told.refunds.is_some())),
    ]
    .into_iter()
    .filter(|(_, is_unread)| *is_unread)
    .map(|(name, _)| name)
    .collect()
}

fn of_refund(refund: &InvoiceRefund) -> Vec<&'static str> {
    let state = refund_state(&refund.status);
    let counts = state.is_none_or(|state| state.share(1) != (0, 0));
    [
        ("id", reading::id(refund.id.clone()).is_err()),
        ("status", state.is_none()),
        ("amount", counts && money(refund.amount, &refund.currency).is_err()),
    ]
    .into_iter()
    .filter(|(_, is_unread)| *is_unread)
    .map(|(name, _)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(operation: &'static str, body: Value) -> Vec<&'static str> {
        unreadable(operation, body.to_string().as_bytes())
    }

    fn invoice(members: Value) -> Value {
        let mut attributes =
            json!({"status": "processed", "amount": 1, "currency": "USD", "payload": [], "refunds": []});
        attributes.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({"data": {"type": "payment-invoices", "id": "cpi_1", "attributes": attributes}, "included": []})
    }

    #[test]
    fn nothing_is_missed_in_an_answer_that_can_be_read() {
        let read = invoice(json!({"refunded_amount": null, "processed_amount": 1.0, "updated": 1730721021,
            "rrn": "001122334455", "approval_code": "", "arn": null,
            "refunds": [{"id": "ref_1", "status": "processed", "amount": 1, "currency": "USD"}]}));
        assert_eq!(of("payment.find", read), [""; 0]);
        assert_eq!(of("payment.find_by_reference", json!({"data": []})), [""; 0]);
        assert_eq!(of("payment_intent.confirm", json!({"status": "processed"})), [""; 0]);
        assert_eq!(of("connection.test", json!({"data": {"type": "account", "attributes": {}}})), [""; 0]);
        assert_eq!(of("payment_method.list_supported", json!({"data": {"services": []}})), [""; 0]);
    }

    #[test]
    fn each_part_that_cannot_be_read_is_named_once() {
        let odd = invoice(json!({"status": "on_hold", "amount": "ten", "processed_amount": -1, "updated": "soon",
            "reference_id": [], "refunds": [null, {"id": "ref_1"}], "refunded_amount": {}}));
        let all = ["amount", "processed_amount", "reference_id", "refunded_amount", "refunds", "status", "updated"];
        assert_eq!(of("payment.find", odd), all);
        let references = invoice(json!({"rrn": "0011223344556", "approval_code": [7], "arn": "4111111111111111"}));
        assert_eq!(of("payment.find", references), ["approval_code", "arn", "rrn"]);
        assert_eq!(of("payment_intent.confirm", json!({"status": "on_hold"})), ["status"]);
        for operation in ["payment.find", "payment.find_by_reference", "payment_intent.confirm", "refund.create"] {
            for body in ["<html>", "null", "7", "[]", "{}"] {
                assert_eq!(unreadable(operation, body.as_bytes()), ["body"], "{operation} {body}");
            }
        }
    }
}
