//! The saved cards and the customers of the account.

use std::collections::BTreeMap;

use super::invoice::{Invoice, UsedCard};
use crate::sandbox::{cards::CardEffect, state::State};

/// Saved cards and customers.
#[derive(Default)]
pub(in crate::sandbox) struct Vault {
    /// By token.
    cards: BTreeMap<String, VaultEntry>,
    /// Ids, by `reference_id`.
    customers: BTreeMap<String, String>,
}

/// A saved card, and the customer who alone may use it.
struct VaultEntry {
    customer: String,
    card: UsedCard,
}

impl Vault {
    /// How many objects it holds.
    pub fn len(&self) -> usize {
        self.cards.len() + self.customers.len()
    }

    /// The card behind a token, when it is this customer's.
    pub fn card(&self, token: &str, customer: Option<&str>) -> Option<&UsedCard> {
        let entry = self.cards.get(token).filter(|entry| Some(entry.customer.as_str()) == customer);
        entry.map(|entry| &entry.card)
    }

    /// The id of the customer with this reference.
    pub fn customer_id(&self, reference: &str) -> Option<&str> {
        self.customers.get(reference).map(String::as_str)
    }
}

impl State {
    /// The id of the customer with this reference, who is made if there is none.
    pub(super) fn customer_id_of(&mut self, reference: &str) -> String {
        let new = self.new_id("cus_");
        self.vault.customers.entry(reference.to_owned()).or_insert(new).clone()
    }

    /// Notes that a payment is paid; saves the card of an invoice that asks for it.
    pub fn note_paid(&mut self, id: &str) {
        let (now, token) = (self.clock.now(), self.new_id("tok_"));
        let Some(invoice) = self.intents.get_mut(id).and_then(|payment| payment.invoice.as_deref_mut()) else { return };
        invoice.paid_at = Some(now);
        if let Some(entry) = entry_of(invoice) {
            invoice.saved_as = Some(token.clone());
            self.vault.cards.insert(token, entry);
        }
    }

    /// Charges the payer who has approved, with all that comes of the card that was saved for it.
    pub fn charge_as_saved(&mut self, id: &str) {
        let invoice = self.intents.get_mut(id).and_then(|payment| payment.invoice.as_deref_mut());
        let saved = invoice.and_then(|invoice| {
            invoice.card = invoice.card.take().or_else(|| invoice.saved.clone());
            invoice.card.as_ref().map(|card| card.effect)
        });
        match saved {
            Some(CardEffect::ApproveThenChargeBack) => self.charge_for_a_while(id),
            _ => self.charge(id),
        }
    }
}

/// What is to be kept of an invoice that is paid.
fn entry_of(invoice: &Invoice) -> Option<VaultEntry> {
    let (customer, card) = (invoice.customer_reference()?, invoice.card.clone()?);
    invoice.tokenize.then(|| VaultEntry { customer: customer.to_owned(), card })
}
