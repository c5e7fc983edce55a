//! A look at an intent: which of its invoices stands for it, and what that says of the attempts.

use super::answers::{InvoiceStanding, ShownInvoice, refunds};
use super::asking::CommerceAccount;
use super::notes::{CurrentInvoice, Notes, reference};
use crate::domain::{
    clock::Timestamp,
    payment_intent::{PaymentIntent, PaymentIntentState as State},
    snapshot::{PaymentSnapshot, PaymentStatus},
};
use crate::upstream::{Error, PaymentContext, Scheduling, amounts::sum};

/// The state of knowledge about the last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptKnowledge {
    /// Its outcome was noted, or it was certainly not made.
    Told,
    /// Its answer is missing. Whether it made an invoice of its own, which was found.
    Unanswered { has_own_invoice: bool },
    /// It was given up, its answer never having come.
    GivenUp,
}

impl AttemptKnowledge {
    /// Of the intent's last attempt, by the notes about its invoices.
    fn of(intent: &PaymentIntent, notes: &Notes) -> Self {
        let progress = &intent.progress;
        match progress.attempt_number > notes.current.attempt {
            true if progress.is_unanswered => Self::Unanswered { has_own_invoice: false },
            true if progress.watch_until.is_some() => Self::GivenUp,
            _ => Self::Told,
        }
    }
}

impl CommerceAccount {
    /// Reads the payment with its refunds: `None` when Corefy has no record of it.
    pub async fn look(
        &self,
        context: &PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        let intent = context.intent;
        let Some(noted) = Notes::of(intent) else { return Ok(None) };
        // An answer to what is asked now says nothing of a sale that comes later, however late it is.
        let asked_at = self.clock.now();
        let mut known = AttemptKnowledge::of(intent, &noted);
        let number = intent.progress.attempt_number;
        let own = match known {
            AttemptKnowledge::Told => None,
            _ => self.find_invoice(&reference(intent, number), intent, scheduling).await?,
        };
        let (notes, shown) = match own {
            Some(shown) => {
                if matches!(known, AttemptKnowledge::Unanswered { .. }) {
                    known = AttemptKnowledge::Unanswered { has_own_invoice: true };
                }
                (noted.followed_by(CurrentInvoice::found(&shown, number)), shown)
            }
            None => {
                let found = self.read_invoice(&noted.current.id, intent, scheduling).await?;
                let Some(shown) = found else { return Ok(None) };
                let is_in_doubt = known != AttemptKnowledge::Told;
                (if is_in_doubt { noted.claimed_by(number) } else { noted }, shown)
            }
        };
        let earlier = self.read_earlier(&notes, intent, scheduling).await?;
        let status = status(&shown, &notes.current, intent, known, asked_at);
        Ok(Some(all_told(notes, shown, earlier, status, context)))
    }

    /// The invoices of earlier attempts, each with the number of its attempt.
    async fn read_earlier(
        &self,
        notes: &Notes,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Vec<(u32, ShownInvoice)>, Error> {
        let mut shown = Vec::with_capacity(notes.earlier.len());
        for earlier in &notes.earlier {
            if let Some(invoice) = self.read_invoice(&earlier.id, intent, scheduling).await? {
                shown.push((earlier.attempt, invoice));
            }
        }
        Ok(shown)
    }
}

/// How the payment stands by its current invoice.
pub fn status(
    shown: &ShownInvoice,
    current: &CurrentInvoice,
    intent: &PaymentIntent,
    known: AttemptKnowledge,
    asked_at: Timestamp,
) -> PaymentStatus {
    match &shown.standing {
        InvoiceStanding::Paid => PaymentStatus::Paid,
        InvoiceStanding::Failed(error) => PaymentStatus::Failed(error.clone()),
        InvoiceStanding::Processing => PaymentStatus::Processing,
        InvoiceStanding::Unknown(word) => PaymentStatus::Unknown(word.clone()),
        InvoiceStanding::Waiting if known == AttemptKnowledge::Told => waiting(shown, current, intent),
        InvoiceStanding::Waiting => in_doubt(shown, current, intent, known, asked_at),
    }
}

/// How an invoice waits whose last attempt is known: the payer's step stays what it is until something is told of it.
fn waiting(shown: &ShownInvoice, current: &CurrentInvoice, intent: &PaymentIntent) -> PaymentStatus {
    let is_of_last = current.attempt > 0 && current.attempt == intent.progress.attempt_number;
    match (&intent.progress.next_action, intent.state) {
        (Some(action), State::RequiresAction) if is_of_last => PaymentStatus::RequiresAction(action.clone()),
        (_, state) if is_of_last && state.is_attempting() => PaymentStatus::Processing,
        _ if current.attempt > 0 && current.has_trace(shown) => PaymentStatus::Processing,
        _ => PaymentStatus::AwaitingConfirmation,
    }
}

/// How an invoice waits where the answer to the last attempt is missing. A card that was taken to the Card Gate may be sold as
/// long as the token for it lives.
fn in_doubt(
    shown: &ShownInvoice,
    current: &CurrentInvoice,
    intent: &PaymentIntent,
    known: AttemptKnowledge,
    asked_at: Timestamp,
) -> PaymentStatus {
    let attempt = intent.progress.attempt.as_ref();
    let is_saved = attempt.is_some_and(|attempt| attempt.payment_method_id.is_some());
    let is_card = !is_saved && attempt.is_none_or(|attempt| attempt.card.is_some());
    let has_own_invoice = known == AttemptKnowledge::Unanswered { has_own_invoice: true };
    match &shown.page {
        // The payer goes to a page: nothing else was asked of Corefy, and the page is still there.
        Some(page) if has_own_invoice && !is_card && !is_saved => PaymentStatus::RequiresAction(page.clone()),
        _ if current.has_trace(shown) || (has_own_invoice && is_saved) => PaymentStatus::Processing,
        _ if is_card && current.attempt == intent.progress.attempt_number && current.may_be_sold(asked_at) => {
            PaymentStatus::Unknown("no trace of the attempt as yet".to_owned())
        }
        _ => PaymentStatus::AwaitingConfirmation,
    }
}

/// The snapshot of all that the invoices tell. Money that came by an earlier one counts too: with that of the current one it is
/// more than was asked.
fn all_told(
    notes: Notes,
    shown: ShownInvoice,
    earlier: Vec<(u32, ShownInvoice)>,
    status: PaymentStatus,
    context: &PaymentContext<'_>,
) -> PaymentSnapshot {
    let received = sum(earlier.iter().map(|(_, invoice)| invoice.received).chain([shown.received]));
    let newest = earlier
        .iter()
        .filter(|(_, invoice)| invoice.received > 0)
        .map(|(attempt, invoice)| CurrentInvoice::found(invoice, *attempt).version(invoice.updated));
    let newest = newest.max().unwrap_or_default();
    let paid_late = earlier.iter().position(|(_, invoice)| invoice.received > 0).filter(|_| shown.received == 0);
    let over: Vec<_> = earlier.iter().filter(|(_, it)| it.is_over()).map(|(_, it)| it.id.clone()).collect();
    let mut notes = notes.without(&over);
    notes.current.is_over = shown.is_over();
    let before = notes.current.version(shown.updated);
    let (notes, shown, status) = match paid_late {
        Some(place) => {
            let (attempt, invoice) = earlier.into_iter().nth(place).expect("the place is one of them");
            (notes.followed_by(CurrentInvoice::found(&invoice, attempt)), invoice, PaymentStatus::Paid)
        }
        None => (notes, shown, status),
    };
    let snapshot = snapshot(notes, &shown, status, context);
    let is_paid = snapshot.status == PaymentStatus::Paid;
    // Of several invoices the newest word counts, so that a payment that is known does not look older than the attempt after it.
    let version = if is_paid { snapshot.version.max(newest).max(before) } else { snapshot.version };
    let refunds = snapshot.refunds.filter(|_| received == shown.received);
    PaymentSnapshot { received, version, refunds, ..snapshot }
}

/// The snapshot of one invoice.
pub fn snapshot(
    notes: Notes,
    shown: &ShownInvoice,
    status: PaymentStatus,
    context: &PaymentContext<'_>,
) -> PaymentSnapshot {
    let is_paid = status == PaymentStatus::Paid;
    PaymentSnapshot {
        upstream_id: shown.id.clone(),
        upstream_payment_id: None,
        status,
        amount: shown.amount,
        received: shown.received,
        charged_back: shown.charged_back,
        network_references: shown.network_references.clone(),
        refunds: refunds(shown, &context.refunds),
        version: notes.current.version(shown.updated),
        saved: shown.saved.clone().filter(|_| is_paid && notes.current.saves),
        state: Some(notes.to_state()),
    }
}
