//! The names by which tests call objects: the sandbox's id, or the reference that the gateway gave, which is its own id.

use super::not_possible::NotPossible;
use crate::sandbox::{
    kept::ReferenceKind,
    ledger::belongs_to,
    payment::{SandboxPayment, intent_id_of},
    state::State,
};

/// The id of the payment that `name` stands for: of an intent with several invoices, the one that was made last.
pub(in crate::sandbox) fn payment_named(state: &State, name: &str) -> Result<String, NotPossible> {
    let is_later = |payment: &&SandboxPayment| {
        let own = payment.reference.as_deref().filter(|_| payment.invoice.is_some());
        own.is_some_and(|own| belongs_to(own, name))
    };
    let last = state.kept.intents.values().filter(is_later).max_by_key(|payment| payment.created_at);
    let id = last.map_or_else(|| intent_id_of(&state.resolve(ReferenceKind::Intent, name)), |last| last.id.clone());
    state.kept.intents.contains_key(&id).then_some(id).ok_or(NotPossible::Missing("payment"))
}

/// The id of the refund that `name` stands for.
pub(in crate::sandbox) fn refund_named(state: &State, name: &str) -> Result<String, NotPossible> {
    let id = state.resolve(ReferenceKind::Refund, name);
    state.kept.refunds.contains_key(&id).then_some(id).ok_or(NotPossible::Missing("refund"))
}

/// The id of the customer of the `intents` dialect that `name` stands for.
pub(in crate::sandbox) fn customer_named(state: &State, name: &str) -> Result<String, NotPossible> {
    let id = state.resolve(ReferenceKind::Customer, name);
    state.kept.customers.contains_key(&id).then_some(id).ok_or(NotPossible::Missing("customer"))
}
