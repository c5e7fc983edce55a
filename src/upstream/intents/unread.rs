//! Finds the parts of an answer that are there and that we cannot read, so that they do not vanish in silence. Reads with
//! the same readers as the dialect itself.

use serde::Deserialize;
use serde_json::Value;

use super::{
    answers,
    next_action::next_action,
    wire::{CustomerAnswer, List, SupportedMethod, WireIntent, WirePaymentMethod, WireRefund},
};
use crate::upstream::{
    amounts::money,
    lenient::{Lenient, json},
    reading,
};

/// Names the parts of an object that are there and were not read.
type Parts<T> = fn(&Value, &T) -> Vec<&'static str>;

/// The parts of the body of a success of `operation` that are there and cannot be read, each named once.
pub fn unreadable(operation: &'static str, body: &[u8]) -> Vec<&'static str> {
    let Ok(value) = json(body) else { return vec!["body"] };
    let parts = match operation {
        "payment_method.list" => in_list::<WirePaymentMethod>(&value, of_method),
        "payment_method.list_supported" | "connection.test" => in_list::<SupportedMethod>(&value, of_supported),
        "payment_intent.create" | "payment_intent.confirm" | "payment.find" => in_object(&value, of_intent),
        "refund.create" => in_object(&value, of_refund),
        "payment_method.create" => in_object(&value, of_method),
        "customer.create" | "customer.find" => in_object(&value, of_customer),
        _ => Vec::new(),
    };
    once(parts)
}

fn once(mut parts: Vec<&'static str>) -> Vec<&'static str> {
    parts.sort_unstable();
    parts.dedup();
    parts
}

fn in_object<'v, T: Deserialize<'v>>(value: &'v Value, parts: Parts<T>) -> Vec<&'static str> {
    if value.is_object() { read(value, parts) } else { vec!["body"] }
}

/// Reads an object as the dialect does, and compares what came of it with what is there.
fn read<'v, T: Deserialize<'v>>(value: &'v Value, parts: Parts<T>) -> Vec<&'static str> {
    T::deserialize(value).map_or_else(|_| vec!["body"], |read| parts(value, &read))
}

fn in_list<'v, T: Lenient + Deserialize<'v>>(value: &'v Value, parts: Parts<T>) -> Vec<&'static str> {
    let Ok(list) = List::<T>::deserialize(value) else { return vec!["body"] };
    let entries = if value.is_object() { &value["data"] } else { value };
    let left_out = (list.data.left_out > 0).then_some("entries");
    let of_entries = entries.as_array().into_iter().flatten().filter(|entry| entry.is_object());
    left_out.into_iter().chain(of_entries.flat_map(|entry| read(entry, parts))).collect()
}

/// Names the members that are neither missing nor null, and were not read.
fn lost<const N: usize>(value: &Value, members: [(&'static str, bool); N]) -> Vec<&'static str> {
    let is_there = |name: &str| value.get(name).is_some_and(|member| !member.is_null());
    members.into_iter().filter(|(name, is_read)| !is_read && is_there(name)).map(|(name, _)| name).collect()
}

/// Names a part that must be there when it was not read.
fn missing(part: &'static str, is_read: bool) -> impl Iterator<Item = &'static str> {
    (!is_read).then_some(part).into_iter()
}

fn of_intent(value: &Value, intent: &WireIntent) -> Vec<&'static str> {
    let word = intent.status.trim().to_ascii_lowercase();
    let counts = !matches!(word.as_str(), "failed" | "canceled");
    let is_whole = |refunds: &super::wire::Entries<WireRefund>| refunds.left_out == 0;
    let side = lost(
        value,
        [
            ("payment_id", intent.payment_id.clone().is_some_and(|id| reading::id(id).is_ok())),
            ("reference_id", intent.reference_id.is_some()),
            ("next_action", intent.next_action.clone().and_then(next_action).is_some()),
            ("error", intent.error.is_some()),
            ("amount_refunded", intent.amount_refunded.is_some()),
            ("amount_charged_back", money(intent.amount_charged_back, &intent.currency).is_ok()),
            ("refunds", intent.refunds.as_ref().is_some_and(is_whole)),
            ("updated_at", intent.updated_at.is_some()),
        ],
    );
    let of_refunds = value.get("refunds").and_then(Value::as_array).into_iter().flatten();
    let has_odd_refund =
        of_refunds.filter(|refund| refund.is_object()).any(|refund| !read(refund, of_refund).is_empty());
    let amount = money(intent.amount, &intent.currency).is_ok() || !counts;
    let step = word != "requires_action" || intent.next_action.is_some();
    missing("id", reading::id(intent.id.clone()).is_ok())
        .chain(missing("status", answers::is_known_status(&word)))
        .chain(missing("amount", amount))
        .chain(missing("next_action", step))
        .chain(missing("refunds", !has_odd_refund))
        .chain(side)
        .collect()
}

fn of_refund(value: &Value, refund: &WireRefund) -> Vec<&'static str> {
    let state = answers::refund_state(&refund.status);
    let counts = state.is_none_or(|state| state.share(1) != (0, 0));
    let side = lost(value, [("reference_id", refund.reference_id.is_some()), ("error", refund.error.is_some())]);
    missing("id", reading::id(refund.id.clone()).is_ok())
        .chain(missing("status", state.is_some()))
        .chain(missing("amount", money(refund.amount, &refund.currency).is_ok() || !counts))
        .chain(side)
        .collect()
}

fn of_customer(value: &Value, customer: &CustomerAnswer) -> Vec<&'static str> {
    let contact = answers::contact(customer);
    let side = lost(
        value,
        [
            ("reference_id", customer.reference_id.is_some()),
            ("email", contact.email.is_some()),
            ("name", contact.name.is_some()),
            ("phone", contact.phone.is_some()),
        ],
    );
    let id = customer.id.clone().unwrap_or_default();
    missing("id", reading::id(id).is_ok()).chain(side).collect()
}

fn of_method(value: &Value, method: &WirePaymentMethod) -> Vec<&'static str> {
    let card = method.card.clone().and_then(answers::masked_card).is_some();
    let side = lost(value, [("card", card), ("created_at", method.created_at.is_some())]);
    missing("id", reading::id(method.id.clone()).is_ok())
        .chain(missing("type", !method.kind.is_empty()))
        .chain(side)
        .collect()
}

fn of_supported(_: &Value, method: &SupportedMethod) -> Vec<&'static str> {
    let told = method.currencies.read.len() + method.currencies.left_out;
    let read = answers::supported(method.clone());
    let currencies = read.as_ref().is_some_and(|read| read.currencies.len() == told);
    missing("type", !method.kind.is_empty()).chain(missing("currencies", currencies || told == 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(operation: &'static str, body: Value) -> Vec<&'static str> {
        unreadable(operation, body.to_string().as_bytes())
    }

    #[test]
    fn nothing_is_missed_in_an_answer_that_can_be_read() {
        let intent = json!({"id": "in_1", "status": "succeeded", "amount": 1, "currency": "USD", "next_action": null,
            "refunds": [{"id": "rf_1", "status": "failed"}], "updated_at": 1, "metadata": [], "created_at": "odd"});
        assert_eq!(of("payment.find", intent), Vec::<&str>::new());
        assert_eq!(of("payment_intent.confirm", json!({"id": "in_1", "status": "failed"})), Vec::<&str>::new());
        assert_eq!(of("customer.create", json!({"id": 7, "metadata": []})), Vec::<&str>::new());
        assert_eq!(of("connection.test", json!([])), Vec::<&str>::new());
        let kinds = json!({"data": [{"type": "card", "currencies": ["USD"]}, {"type": "x"}]});
        assert_eq!(of("payment_method.list_supported", kinds), Vec::<&str>::new());
    }

    #[test]
    fn each_part_that_cannot_be_read_is_named_once() {
        let odd = json!({"id": {}, "status": "on_hold", "amount": "ten", "currency": "USD", "next_action": {"url": "x"},
            "error": [], "refunds": [null], "updated_at": "yesterday", "reference_id": [], "amount_charged_back": -1});
        let all = [
            "amount",
            "amount_charged_back",
            "error",
            "id",
            "next_action",
            "reference_id",
            "refunds",
            "status",
            "updated_at",
        ];
        assert_eq!(of("payment.find", odd), all);
        let waits = json!({"id": "in_1", "status": "requires_action", "amount": 1, "currency": "USD"});
        assert_eq!(of("payment_intent.confirm", waits), ["next_action"]);
        let refund = json!({"id": "rf_1", "status": "succeeded", "amount": null, "currency": "USD"});
        assert_eq!(of("refund.create", refund.clone()), ["amount"]);
        let intent = json!({"id": "in_1", "status": "succeeded", "amount": 1, "currency": "USD", "refunds": [refund]});
        assert_eq!(of("payment.find", intent), ["refunds"]);
        assert_eq!(of("customer.find", json!({"id": null})), ["id"]);
        let methods = json!([null, {"id": "m", "type": "card", "card": {"last4": "4111111111111111"}}, {"id": "m"}]);
        assert_eq!(of("payment_method.list", methods), ["card", "entries", "type"]);
        let kinds = json!({"data": [{"type": "card", "currencies": ["USD", "USDT"]}, 7]});
        assert_eq!(of("payment_method.list_supported", kinds), ["currencies", "entries"]);
        for body in ["<html>", "null", "7", "[]"] {
            assert_eq!(unreadable("payment.find", body.as_bytes()), ["body"], "{body}");
        }
        assert_eq!(of("connection.test", json!({"data": null})), ["body"]);
    }
}
