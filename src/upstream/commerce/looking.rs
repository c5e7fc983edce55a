//! A look at an intent: which of its invoices stands for it, and what that says of the attempts.

use super::answers::{ShownInvoice, refunds};
use super::asking::CommerceAccount;
use super::last_attempt::LastAttempt;
use super::notes::{CurrentInvoice, Notes, reference};
use crate::domain::{
    payment_intent::PaymentIntent,
    snapshot::{PaymentSnapshot, PaymentStatus},
};
use crate::upstream::{Error, PaymentContext, Scheduling, amounts::sum};

impl CommerceAccount {
    /// Reads the payment with its refunds: `None` when Corefy has no record of it.
    pub async fn look(
        &self,
        context: &PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        let intent = context.intent;
        let Some(noted) = Notes::of(intent) else { return Ok(None) };
        let last = LastAttempt::of(intent, self.clock.now());
        let (notes, shown, status) = if let Some(own) = self.find_own(&last, &noted, intent, scheduling).await? {
            let notes = noted.followed_by(CurrentInvoice::found(&own, last.number));
            let status = last.by_own(&own, &notes.current);
            (notes, own, status)
        } else {
            let found = self.read_invoice(&noted.current.id, intent, scheduling).await?;
            let Some(shown) = found else { return Ok(None) };
            let status = match last.is_without_invoice(&noted) {
                true => last.by_another(&shown, &noted.current),
                false => last.by_known(&shown, &noted.current),
            };
            (last.claim(noted, &shown), shown, status)
        };
        let earlier = self.read_earlier(&notes, &last, intent, scheduling).await?;
        Ok(Some(all_told(notes, shown, earlier, status, context)))
    }

    /// The invoice that the last attempt made for itself, where it is not known.
    async fn find_own(
        &self,
        last: &LastAttempt<'_>,
        noted: &Notes,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Option<ShownInvoice>, Error> {
        if !last.is_without_invoice(noted) {
            return Ok(None);
        }
        self.find_invoice(&reference(intent, last.number), intent, scheduling).await
    }

    /// The invoices of earlier attempts, each with the number of its attempt: those that are noted, and those that attempts
    /// made which were given up, as far as there are any.
    async fn read_earlier(
        &self,
        notes: &Notes,
        last: &LastAttempt<'_>,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Vec<(u32, ShownInvoice)>, Error> {
        let mut shown = Vec::with_capacity(notes.earlier.len());
        for earlier in &notes.earlier {
            if let Some(invoice) = self.read_invoice(&earlier.id, intent, scheduling).await? {
                shown.push((earlier.attempt, invoice));
            }
        }
        for number in last.given_up_before() {
            let found = self.find_invoice(&reference(intent, number), intent, scheduling).await?;
            shown.extend(found.filter(|invoice| !notes.names(&invoice.id)).map(|invoice| (number, invoice)));
        }
        Ok(shown)
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
