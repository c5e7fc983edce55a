//! The saved cards and the customers of the account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::invoice::UsedCard;

/// Saved cards and customers.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Vault {
    /// By token.
    cards: BTreeMap<String, VaultEntry>,
    /// Ids, by `reference_id`.
    customers: BTreeMap<String, String>,
}

/// A saved card, and the customer who alone may use it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

    /// Saves a card under a token, for this customer.
    pub fn save(&mut self, token: String, customer: String, card: UsedCard) {
        self.cards.insert(token, VaultEntry { customer, card });
    }

    /// The id of the customer with this reference, who is made with the id `new` if there is none.
    pub fn customer_or_new(&mut self, reference: &str, new: String) -> String {
        self.customers.entry(reference.to_owned()).or_insert(new).clone()
    }

    /// The id of the customer with this reference.
    pub fn customer_id(&self, reference: &str) -> Option<&str> {
        self.customers.get(reference).map(String::as_str)
    }
}
