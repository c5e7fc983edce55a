//! The payer on Corefy's page: attempts there, and where the payer is sent afterwards.

use super::invoice::{Invoice, UsedCard};
use crate::sandbox::{
    cards::CardEffect,
    payment::{SandboxPayment, SandboxStatus},
    state::State,
};

impl State {
    /// Lets the payer try a card on the hosted page. A decline leaves the invoice open until the attempts are used up. Faults of
    /// test cards are those of the card gate, and do not show here.
    pub(super) fn try_on_page(&mut self, id: &str, card: UsedCard) {
        let now = self.clock.now();
        let is_open =
            self.kept.intents.get(id).is_some_and(|payment| payment.status == SandboxStatus::RequiresConfirmation);
        if !is_open {
            return;
        }
        let effect = self.scripted_attempt(id).unwrap_or(card.effect);
        let CardEffect::Decline(code) = effect else {
            drop(self.pay_by(id, card, effect));
            return;
        };
        let Some(payment) = self.kept.intents.get_mut(id) else { return };
        let Some(invoice) = payment.invoice.as_deref_mut() else { return };
        invoice.card = Some(card);
        invoice.tries_left -= 1;
        invoice.last_decline = Some(code);
        if invoice.tries_left == 0 {
            self.move_payment(id, SandboxStatus::Failed(code));
        } else {
            payment.touch(now);
            self.tell_of_payment(id, None, |_| ());
        }
    }
}

/// Where the payer is sent, by how the payment stands; `None` when the merchant has not said.
pub(super) fn return_link<'a>(payment: &SandboxPayment, invoice: &'a Invoice) -> Option<&'a str> {
    let links = &invoice.return_urls;
    let link = match payment.status {
        SandboxStatus::Succeeded => &links.success,
        SandboxStatus::Failed(_) | SandboxStatus::Canceled => &links.fail,
        SandboxStatus::RequiresConfirmation | SandboxStatus::RequiresAction | SandboxStatus::Processing => {
            &links.pending
        }
    };
    link.as_deref().or(invoice.return_url.as_deref())
}
