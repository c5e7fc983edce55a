//! A payment that differs, as an event shows it.

use serde::{Deserialize, Serialize};

use super::difference::{Certainty, Difference};
use crate::domain::{
    clock::Timestamp,
    ids::{PartnerId, PaymentIntentId},
    payment_intent::PaymentIntent,
};

/// The most differences of one payment that an event has.
pub const MOST_DIFFERENCES: usize = 100;

/// The differences of a payment that stay, and were to be settled by Corefy's word.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mismatch {
    /// The payment.
    pub payment_intent_id: PaymentIntentId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// Corefy's id of it, if known.
    pub upstream_id: Option<String>,
    /// The differences; at most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// When it was found.
    pub found_at: Timestamp,
}

impl Mismatch {
    /// Takes those of the `differences` of a payment that stay; `None` when there are none.
    pub fn of(intent: &PaymentIntent, differences: &[Difference], found_at: Timestamp) -> Option<Self> {
        let real = differences.iter().filter(|difference| difference.certainty == Certainty::Real);
        let differences: Vec<_> = real.take(MOST_DIFFERENCES).cloned().collect();
        (!differences.is_empty()).then(|| Self {
            payment_intent_id: intent.id.clone(),
            partner_id: intent.partner_id.clone(),
            upstream_id: intent.upstream_id.clone(),
            differences,
            found_at,
        })
    }
}
