//! The time of the personal data of a payment: how long after the last movement of money the payer is forgotten.

use std::time::Duration;

use crate::domain::{clock::Timestamp, payment_intent::PaymentIntent, refund::Refund, words::words};

/// How long a payment stays at least that is under way, before it is looked at again.
const UNDER_WAY: Duration = Duration::from_secs(24 * 60 * 60);

words! {
    /// A walk through rows in the order of their ids, which is that of time. Each payment and each refund is come by once.
    PayerDataWalk {
        /// Through payments.
        PaymentIntents => "payment_intents",
        /// Through refunds, which may be made long after their payment was emptied.
        Refunds => "refunds",
    }
}

/// The rule at a moment.
#[derive(Clone, Copy, Debug)]
pub struct PayerDataRule {
    /// How long the payer is kept after the last movement of money.
    pub kept: Duration,
    /// The moment.
    pub now: Timestamp,
}

impl PayerDataRule {
    /// The moment until which the payer of a payment stays at least; `None`: its time is over.
    pub fn stays_until<'a>(
        &self,
        intent: &PaymentIntent,
        refunds: impl IntoIterator<Item = &'a Refund>,
        is_under_way: bool,
    ) -> Option<Timestamp> {
        if is_under_way || intent.state.is_attempting() || intent.refund_pending > 0 {
            return Some(self.now + UNDER_WAY);
        }
        let end = payer_data_ends(intent, refunds, self.kept);
        (end >= self.now).then_some(end)
    }
}

/// When the time of a payer is over, if money does not move again. A payment or refund changes at the latest with its money.
pub fn payer_data_ends<'a>(
    intent: &PaymentIntent,
    refunds: impl IntoIterator<Item = &'a Refund>,
    kept: Duration,
) -> Timestamp {
    let refunds = refunds.into_iter().map(|refund| refund.updated_at);
    refunds.fold(intent.updated_at.max(intent.created_at), Timestamp::max) + kept
}
