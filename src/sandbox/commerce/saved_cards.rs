//! Cards that are saved when they have paid, and payments by them.

use crate::sandbox::{cards::CardEffect, state::State};

impl State {
    /// The id of the customer with this reference, who is made if there is none.
    pub(super) fn customer_id_of(&mut self, reference: &str) -> String {
        let new = self.new_id("cus_");
        self.kept.vault.customer_or_new(reference, new)
    }

    /// Notes that a payment is paid; saves the card of an invoice that asks for it.
    pub fn note_paid(&mut self, id: &str) {
        let (now, token) = (self.clock.now(), self.new_id("tok_"));
        let Some(invoice) = self.kept.intents.get_mut(id).and_then(|payment| payment.invoice.as_deref_mut()) else {
            return;
        };
        invoice.paid_at = Some(now);
        let customer = invoice.customer_reference().map(str::to_owned);
        if let Some((customer, card)) = customer.zip(invoice.card.clone()).filter(|_| invoice.tokenize) {
            invoice.saved_as = Some(token.clone());
            self.kept.vault.save(token, customer, card);
        }
    }

    /// Charges the payer who has approved, with all that comes of the card.
    pub fn charge_as_saved(&mut self, id: &str) {
        let invoice = self.kept.intents.get_mut(id).and_then(|payment| payment.invoice.as_deref_mut());
        let effect = invoice.and_then(|invoice| {
            invoice.card = invoice.card.take().or_else(|| invoice.saved.clone());
            invoice.card.as_ref().map(|card| card.effect)
        });
        match effect {
            Some(CardEffect::ApproveThenChargeBack) => self.charge_for_a_while(id),
            _ => self.charge(id),
        }
    }
}
