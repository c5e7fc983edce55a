//! The last attempt of an intent, and how the payment stands by an invoice: by the attempt's own, or by one before it while its own
//! is not found.

use super::answers::{InvoiceStanding, ShownInvoice};
use super::notes::{CurrentInvoice, Notes};
use crate::domain::{
    clock::Timestamp,
    payment_intent::{PaymentIntent, PaymentIntentState as State},
    snapshot::PaymentStatus,
};

/// The last attempt of an intent, as it is when Corefy is asked.
#[derive(Clone, Copy)]
pub struct LastAttempt<'a> {
    intent: &'a PaymentIntent,
    /// Its number; 0 before any.
    pub number: u32,
    asked_at: Timestamp,
}

impl<'a> LastAttempt<'a> {
    /// The last attempt that may have been made; an answer to what is asked at `asked_at` says nothing of a sale that comes later.
    pub fn of(intent: &'a PaymentIntent, asked_at: Timestamp) -> Self {
        let number = intent.progress.attempt.as_ref().map_or(0, |attempt| attempt.number);
        Self { intent, number, asked_at }
    }

    /// The numbers of the attempts before it that were given up, and may still have made an invoice.
    pub fn given_up_before(&self) -> impl Iterator<Item = u32> {
        self.intent.progress.watched_attempts(self.asked_at)
    }

    /// Whether its invoice has to be looked for. Whatever is told meanwhile by another, it may still take the money.
    pub fn is_without_invoice(&self, notes: &Notes) -> bool {
        !notes.has_invoice_of(self.number)
    }

    /// Whether it may have used this invoice, which is not of its own making: only a saved card never uses the one that was made
    /// with the intent.
    pub fn may_have_used(&self, invoice: &CurrentInvoice) -> bool {
        let is_free = invoice.attempt == 0 || (invoice.is_claimed && invoice.attempt == self.number);
        is_free && !self.is_by_saved()
    }

    /// The notes after an invoice that is not of the attempt's own was shown: no other attempt uses what this one may have used, or
    /// what was paid. It is known to be the attempt's invoice only where it shows an attempt.
    pub fn claim(&self, notes: Notes, shown: &ShownInvoice) -> Notes {
        let may_be_its = self.may_have_used(&notes.current);
        let is_used = may_be_its || shown.standing == InvoiceStanding::Paid;
        if self.is_without_invoice(&notes) && is_used {
            notes.claimed_by(self.number, may_be_its && shown.was_attempted())
        } else {
            notes
        }
    }

    /// How the payment stands by the invoice that is known to be the attempt's, or by that of the intent before any attempt.
    pub fn by_known(&self, shown: &ShownInvoice, current: &CurrentInvoice) -> PaymentStatus {
        by_standing(shown, || self.waiting(shown, current))
    }

    /// How the payment stands by an invoice of the attempt's own, which was looked for and found.
    pub fn by_own(&self, shown: &ShownInvoice, current: &CurrentInvoice) -> PaymentStatus {
        let is_unanswered = self.intent.progress.is_unanswered;
        by_standing(shown, || match &shown.page {
            // The payer goes to a page: nothing else was asked of Corefy, and the page is still there.
            Some(page) if is_unanswered && self.is_on_page() => PaymentStatus::RequiresAction(page.clone()),
            _ if is_unanswered && self.is_by_saved() => PaymentStatus::Processing,
            _ => self.in_doubt(shown, current),
        })
    }

    /// How the payment stands by another invoice, where none of the attempt's own is found. Money that came by it came. How it ended
    /// or goes on is told of the attempt only if that may have used it; and it ends by itself, too, when nobody uses it.
    pub fn by_another(&self, shown: &ShownInvoice, current: &CurrentInvoice) -> PaymentStatus {
        let may_be_of_it = self.may_have_used(current) && (!shown.is_over() || shown.was_attempted());
        // Once it is closed, an attempt before it that goes on stands for the payment.
        let is_closed = !self.intent.progress.is_unanswered;
        let may_be_of_one_before = is_closed && (!shown.is_over() || self.intent.state.is_attempting());
        if may_be_of_it || may_be_of_one_before || shown.standing == InvoiceStanding::Paid {
            by_standing(shown, || self.in_doubt(shown, current))
        } else {
            PaymentStatus::AwaitingConfirmation
        }
    }

    /// How an invoice waits whose attempt is known: the payer's step stays what it is until something is told of it.
    fn waiting(&self, shown: &ShownInvoice, current: &CurrentInvoice) -> PaymentStatus {
        let intent = self.intent;
        let is_of_last = current.attempt > 0 && current.attempt == intent.progress.attempt_number;
        match (&intent.progress.next_action, intent.state) {
            (Some(action), State::RequiresAction) if is_of_last => PaymentStatus::RequiresAction(action.clone()),
            (_, state) if is_of_last && state.is_attempting() => PaymentStatus::Processing,
            _ if current.attempt > 0 && current.has_trace(shown) => PaymentStatus::Processing,
            _ => PaymentStatus::AwaitingConfirmation,
        }
    }

    /// How an invoice waits that the attempt may have used. A card that was taken to the Card Gate may be sold as long as the token
    /// for it lives.
    fn in_doubt(&self, shown: &ShownInvoice, current: &CurrentInvoice) -> PaymentStatus {
        let may_be_its = current.attempt == self.number || self.may_have_used(current);
        if current.has_trace(shown) {
            PaymentStatus::Processing
        } else if self.is_by_card() && may_be_its && current.may_be_sold(self.asked_at) {
            PaymentStatus::Unknown("no trace of the attempt as yet".to_owned())
        } else {
            PaymentStatus::AwaitingConfirmation
        }
    }

    fn is_by_saved(&self) -> bool {
        self.intent.progress.attempt.as_ref().is_some_and(|attempt| attempt.payment_method_id.is_some())
    }

    /// Whether the payer pays on a page: with a saved card, too, unless the merchant charges it.
    fn is_on_page(&self) -> bool {
        let is_by_merchant = self.intent.progress.attempt.as_ref().is_some_and(|attempt| attempt.is_by_merchant);
        !self.is_by_card() && !is_by_merchant
    }

    fn is_by_card(&self) -> bool {
        !self.is_by_saved() && self.intent.progress.attempt.as_ref().is_none_or(|attempt| attempt.card.is_some())
    }
}

/// How the payment stands by an invoice that is its attempt's; `waiting` says it of one that waits.
pub fn by_standing(shown: &ShownInvoice, waiting: impl FnOnce() -> PaymentStatus) -> PaymentStatus {
    match &shown.standing {
        InvoiceStanding::Waiting => waiting(),
        InvoiceStanding::Processing => PaymentStatus::Processing,
        InvoiceStanding::Paid => PaymentStatus::Paid,
        InvoiceStanding::Failed(error) => PaymentStatus::Failed(error.clone()),
        InvoiceStanding::Unknown(word) => PaymentStatus::Unknown(word.clone()),
    }
}
