//! Chargebacks: what a payer's bank takes back of a payment. Corefy tells the sum of them and nothing else, so that each rise of the
//! sum is one.

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{ChargebackId, Ids, PartnerId, PaymentIntentId},
    money::Money,
    payment_intent::PaymentIntent,
};

/// Money that a payer's bank has taken back. Made once, and never changed: the sum that Corefy tells is believed upwards only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chargeback {
    /// Our id.
    pub id: ChargebackId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// The intent of the payment.
    pub payment_intent_id: PaymentIntentId,
    /// Corefy's id of the payment; `None` while Corefy has told none.
    pub upstream_payment_id: Option<String>,
    /// The amount that was taken back with this one; more than 0.
    pub amount: Money,
    /// The sum of all of the payment up to and with this one.
    pub total: Money,
    /// When the gateway learnt of it.
    pub created_at: Timestamp,
}

impl Chargeback {
    /// The chargeback by which the intent's sum has risen, in minor units, from `before` to what it is now; `None` when it has not.
    pub fn of_rise(intent: &PaymentIntent, before: i64, ids: &Ids, now: Timestamp) -> Option<Self> {
        let rise = intent.charged_back - before;
        (rise > 0).then(|| Self {
            id: ChargebackId::generate(ids),
            partner_id: intent.partner_id.clone(),
            payment_intent_id: intent.id.clone(),
            upstream_payment_id: intent.upstream_payment_id.clone().or_else(|| intent.upstream_id.clone()),
            amount: intent.money(rise),
            total: intent.money(intent.charged_back),
            created_at: now,
        })
    }
}
