//! Taking over what Corefy shows of a customer's payment methods.

use std::time::Duration;

use crate::{
    app::{
        decision::{CONFLICTS, Decision},
        payments::Payments,
    },
    domain::{
        clock::Timestamp,
        customer::Customer,
        event::EventType,
        ids::PaymentMethodId,
        payment_method::PaymentMethod,
        snapshot::{PaymentMethodSnapshot, PaymentSnapshot},
    },
    error::{Error, Reason},
    store::{Change, CommitError, Tracked},
    upstream::{Priority, Scheduling},
};

/// How far Corefy's clock may be behind ours when a saved method is told by its time of creation.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

impl Payments {
    /// Takes over what Corefy shows of the payment methods of `customers`, who are one there: changed cards, and methods
    /// that were saved elsewhere. Where they are several, nobody can tell whose a new method is, and none gets to see it.
    pub(in crate::app) async fn refresh_payment_methods(&self, customers: &[Customer]) -> Result<(), Error> {
        let customers: Vec<_> = customers.iter().filter(|customer| !customer.is_erased()).collect();
        let Some(first) = customers.first() else { return Ok(()) };
        let shown = self.upstream.payment_methods_of(first, Scheduling::of(Priority::Read)).await?.methods;
        self.commit_methods(&customers, &shown).await
    }

    /// Takes over the payment method that a payment of `customer` saved. That it could not be is only logged: Corefy shows it
    /// whenever it shows the payment.
    pub(in crate::app) async fn take_over_saved(&self, customer: Option<&Customer>, snapshot: &PaymentSnapshot) {
        let customer = customer.filter(|customer| !customer.is_erased());
        let Some((customer, saved)) = customer.zip(snapshot.saved.as_ref()) else { return };
        if let Err(error) = self.commit_methods(&[customer], std::slice::from_ref(saved)).await {
            tracing::warn!(customer = %customer.id, %error, "a payment method that a payment saved could not be taken over");
        }
    }

    async fn commit_methods(&self, customers: &[&Customer], shown: &[PaymentMethodSnapshot]) -> Result<(), Error> {
        for _ in 0..CONFLICTS {
            let decision = self.take_over_methods(customers, shown).await?;
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same payment methods"))
    }

    /// Decides what is taken over of the methods that Corefy shows.
    async fn take_over_methods(
        &self,
        customers: &[&Customer],
        shown: &[PaymentMethodSnapshot],
    ) -> Result<Decision, Error> {
        let (mut decision, now) = (Decision::by(self.ids(), &[]), self.now());
        let mut session = self.store.read().await?;
        for customer in customers {
            for snapshot in shown {
                let known = session.payment_method_upstream(&customer.id, &snapshot.upstream_id).await?;
                match known {
                    Some(method) if method.is_deleted() => {}
                    Some(method) => update(method, snapshot, now, &mut decision),
                    None if customers.len() > 1 => {}
                    None => {
                        let awaited = session.payment_methods_awaited(&customer.id).await?;
                        adopt_unless_awaited(customer, &awaited, snapshot, now, &mut decision);
                    }
                }
            }
        }
        Ok(decision)
    }
}

/// Takes over a changed card.
fn update(
    mut method: Tracked<PaymentMethod>,
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) {
    let is_news = snapshot.card.as_ref().is_some_and(|shown| method.clone().take_over(shown));
    let Some(shown) = snapshot.card.as_ref().filter(|_| is_news) else { return };
    method.take_over(shown);
    method.touch(now);
    decision.changes.emit(EventType::PaymentMethodUpdated, method.to_inner(), now);
    decision.changes.push(Change::PaymentMethod(method));
}

/// Takes in a method that was saved elsewhere. One that may be what a call of ours is saving is left to that call, which
/// could not tell it from others any more.
fn adopt_unless_awaited(
    customer: &Customer,
    awaited: &[PaymentMethod],
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) {
    let is_awaited = awaited.iter().any(|method| fits(method, method.created_at, snapshot));
    if snapshot.kind.is_empty() || is_awaited {
        return;
    }
    let method = PaymentMethod {
        id: PaymentMethodId::generate(decision.ids()),
        partner_id: customer.partner_id.clone(),
        customer_id: customer.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        kind: snapshot.kind.clone(),
        card: snapshot.card.clone(),
        card_subject: None,
        card_at_corefy: None,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        revision: 1,
    };
    decision.changes.emit(EventType::PaymentMethodCreated, method.clone(), now);
    decision.changes.push(Change::PaymentMethod(Tracked::new(method)));
}

/// Whether what Corefy shows can be the method that was sent at `sent_at`.
pub(super) fn fits(method: &PaymentMethod, sent_at: Timestamp, snapshot: &PaymentMethodSnapshot) -> bool {
    let is_recent = snapshot.created_at.0 == 0 || snapshot.created_at + CLOCK_SKEW >= sent_at;
    let is_same_card = match (&method.card, &snapshot.card) {
        (Some(ours), Some(shown)) => {
            (&ours.first6, &ours.last4, ours.expiry_month, ours.expiry_year)
                == (&shown.first6, &shown.last4, shown.expiry_month, shown.expiry_year)
        }
        _ => true,
    };
    is_recent && is_same_card && method.kind == snapshot.kind
}
