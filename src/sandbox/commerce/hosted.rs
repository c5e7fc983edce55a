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
        let Some(payment) = self.intents.get_mut(id) else { return };
        let is_open = payment.status == SandboxStatus::RequiresConfirmation;
        let Some(invoice) = payment.invoice.as_deref_mut().filter(|_| is_open) else { return };
        let CardEffect::Decline(code) = card.effect else {
            drop(self.pay_with(id, card));
            return;
        };
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
