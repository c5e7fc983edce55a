//! The laws of customers and their saved payment methods: each is of one customer here and at Corefy, none is lost, and nothing is paid by
//! one that had been removed.

use std::collections::{BTreeMap, BTreeSet};

use corefy_gateway::{
    domain::{ids::PaymentIntentId, payment_intent::PaymentIntent, payment_method::PaymentMethod},
    store::ReadSession,
};
use serde_json::Value;

/// Where a request that charges names a saved payment method, in one API and the other.
const SAVED_IN_REQUEST: [&str; 2] = ["/payment_method_id", "/data/attributes/token"];
/// Customers that have one id at Corefy, at most one of which may be there.
const SAME: u32 = 2;

/// The customers and payment methods that Corefy has made, and that callers removed.
#[derive(Clone, Default)]
pub struct SavedNotes {
    /// Corefy's ids of customers, by the reference that each was made with: ours.
    customers: BTreeMap<String, BTreeSet<String>>,
    /// Corefy's ids of payment methods, with those of their customers.
    methods: BTreeMap<String, String>,
    /// Payment methods whose removal callers have heard of.
    removed: BTreeSet<String>,
    /// Requests that were made with one that had been removed.
    barred: BTreeSet<String>,
}

impl SavedNotes {
    /// Notes an answer of Corefy's to a creation.
    pub fn note_made(&mut self, target: &str, answer: &[u8]) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        if target.ends_with("/customers") {
            self.customers.entry(text("reference_id")).or_default().insert(text("id"));
        } else if target.ends_with("/payment-methods") {
            self.methods.insert(text("id"), text("customer_id"));
        }
    }

    /// Notes that a caller heard of the removal of a payment method.
    pub fn note_removed(&mut self, method: &str) {
        self.removed.insert(method.to_owned());
    }

    /// Notes a request to pay by a saved payment method.
    pub fn note_use(&mut self, method: &str, request_id: &str) {
        if self.removed.contains(method) {
            self.barred.insert(request_id.to_owned());
        }
    }

    /// Whether nothing may be sent of this request.
    pub fn is_barred(&self, request_id: &str) -> bool {
        self.barred.contains(request_id)
    }

    /// The customers that Corefy made, and the gateways do not have, or not as it has them.
    pub async fn wrong_customers(&self, session: &mut ReadSession) -> Vec<String> {
        let mut wrong = Vec::new();
        for (reference, made) in &self.customers {
            for upstream in made {
                let ours = session.customers_upstream(upstream, SAME).await.unwrap();
                let is_known = ours.len() == 1 && ours[0].id.as_str() == reference && made.len() == 1;
                if !is_known {
                    wrong.push(format!("{reference} is {made:?} at Corefy, and {ours:?} here"));
                }
            }
        }
        wrong
    }

    /// The saved payment methods that Corefy made, and the gateways do not have, or of another customer.
    pub async fn wrong_methods(&self, session: &mut ReadSession) -> Vec<String> {
        let mut wrong = Vec::new();
        for (method, customer) in &self.methods {
            let owners = session.customers_upstream(customer, SAME).await.unwrap();
            let Some(owner) = owners.first() else { continue };
            let known = session.payment_method_upstream(&owner.id, method).await.unwrap();
            if known.is_none_or(|known| known.partner_id != owner.partner_id) {
                wrong.push(format!("{method} was saved for {}, who does not have it", owner.id));
            }
        }
        wrong
    }
}

/// Corefy's id of the saved payment method that a request is to charge.
pub fn named_method(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    SAVED_IN_REQUEST.iter().find_map(|place| body.pointer(place)?.as_str().map(str::to_owned))
}

/// The payment method that has this id at Corefy, if it is of the intent's customer.
pub async fn of_its_customer(
    session: &mut ReadSession,
    intent: &PaymentIntentId,
    upstream: &str,
) -> Option<PaymentMethod> {
    let intent = session.payment_intent_any(intent).await.unwrap()?;
    let method = session.payment_method_upstream(intent.customer_id.as_ref()?, upstream).await.unwrap()?;
    Some(method.to_inner())
}

/// Whether the intent's customer, if it has one, is of the same partner.
pub async fn is_of_its_partner(session: &mut ReadSession, intent: &PaymentIntent) -> bool {
    let Some(customer) = &intent.customer_id else { return true };
    session.customer_any(customer).await.unwrap().is_some_and(|customer| customer.partner_id == intent.partner_id)
}
