//! Which of our objects a call is about, for the log of calls.

use crate::domain::{
    customer::Customer,
    ids::{PartnerId, PaymentIntentId},
    payment_intent::PaymentIntent,
    payment_method::PaymentMethod,
    refund::Refund,
};

/// One of our objects.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The partner that owns it.
    pub partner_id: &'a PartnerId,
    /// Its id.
    pub id: &'a str,
    /// The intent of the payment that it belongs to.
    pub payment_intent_id: Option<&'a PaymentIntentId>,
}

impl<'a> From<&'a PaymentIntent> for Subject<'a> {
    fn from(intent: &'a PaymentIntent) -> Self {
        Self { partner_id: &intent.partner_id, id: intent.id.as_str(), payment_intent_id: Some(&intent.id) }
    }
}

impl<'a> From<&'a Refund> for Subject<'a> {
    fn from(refund: &'a Refund) -> Self {
        let payment_intent_id = Some(&refund.payment_intent_id);
        Self { partner_id: &refund.partner_id, id: refund.id.as_str(), payment_intent_id }
    }
}

impl<'a> From<&'a Customer> for Subject<'a> {
    fn from(customer: &'a Customer) -> Self {
        Self { partner_id: &customer.partner_id, id: customer.id.as_str(), payment_intent_id: None }
    }
}

impl<'a> From<&'a PaymentMethod> for Subject<'a> {
    fn from(method: &'a PaymentMethod) -> Self {
        Self { partner_id: &method.partner_id, id: method.id.as_str(), payment_intent_id: None }
    }
}
