//! The changes to customers and their cards that come from elsewhere.

use super::{names::customer_named, not_possible::NotPossible};
use crate::sandbox::handle::Sandbox;

impl Sandbox {
    /// Renews the card of a saved payment method until the end of `expiry_year`, as a card's network does by itself. Fails
    /// when there is no such card.
    pub fn renew_card(&self, method: &str, expiry_year: u16) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.renew_card(method, expiry_year));
        is_done.then_some(()).ok_or(NotPossible::Missing("card"))
    }

    /// Renews the saved cards of a customer, or those that end in `last4`. Answers with how many they are; fails when there
    /// is none.
    pub fn renew_cards_of(&self, customer: &str, last4: Option<&str>, expiry_year: u16) -> Result<usize, NotPossible> {
        self.shared.with_state(|state| {
            let id = customer_named(state, customer)?;
            let methods = state.cards_of(&id, last4);
            let renewed = methods.iter().filter(|method| state.renew_card(method, expiry_year)).count();
            if renewed == 0 { Err(NotPossible::Missing("card")) } else { Ok(renewed) }
        })
    }

    /// Changes a customer's email address and name, as a merchant does in the dashboard. Fails when there is no such
    /// customer.
    pub fn change_customer(&self, customer: &str, email: &str, name: &str) -> Result<(), NotPossible> {
        self.shared.with_state(|state| {
            let id = customer_named(state, customer)?;
            let is_done = state.change_customer(&id, email, name);
            is_done.then_some(()).ok_or(NotPossible::Missing("customer"))
        })
    }

    /// Saves an approved card for a customer, as another system of the merchant's does. Answers with the method's id;
    /// fails when there is no such customer.
    pub fn save_card_elsewhere(&self, customer: &str) -> Result<String, NotPossible> {
        self.shared.with_state(|state| {
            let id = customer_named(state, customer)?;
            state.save_card_elsewhere(&id).ok_or(NotPossible::Missing("customer"))
        })
    }
}
