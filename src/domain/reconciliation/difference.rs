//! One difference between two books.

use serde::{Deserialize, Serialize};

use crate::domain::{ids::RefundId, money::Money, payment_intent::PaymentIntent, words::words};

words! {
    /// The kind of a difference.
    DifferenceKind {
        /// A payment that Corefy has and the gateway lacks.
        MissingHere => "missing_here",
        /// A payment that the gateway has and Corefy lacks.
        MissingThere => "missing_there",
        /// A payment in another currency.
        Currency => "currency",
        /// A payment of another amount.
        Amount => "amount",
        /// A payment in another state.
        State => "state",
        /// A payment of which the payer's bank took back another amount.
        ChargedBack => "charged_back",
        /// A refund that Corefy has and the gateway lacks.
        RefundMissingHere => "refund_missing_here",
        /// A refund that the gateway has and Corefy lacks.
        RefundMissingThere => "refund_missing_there",
        /// A refund of another amount.
        RefundAmount => "refund_amount",
        /// A refund in another state.
        RefundState => "refund_state",
        /// Another sum of all refunds of a payment, where that is all that is known.
        Refunded => "refunded",
    }
}

words! {
    /// Whether a difference stays.
    Certainty {
        /// It stays: one of the two books is wrong, or knows less.
        Real => "real",
        /// It may be gone at the next look: something is under way.
        Pending => "pending",
    }
}

/// A difference. It has ids, amounts, states and codes, and nothing of a payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its kind.
    pub kind: DifferenceKind,
    /// Whether it stays.
    pub certainty: Certainty,
    /// Our refund, when it is about one.
    pub refund_id: Option<RefundId>,
    /// Corefy's id of the refund, when it is about one and Corefy shows it.
    pub upstream_refund_id: Option<String>,
    /// The value here: an amount as a decimal, a state or a currency's code. Empty where there is none.
    pub here: String,
    /// The value at Corefy, in the same form.
    pub there: String,
    /// The amount that it is about.
    pub at_stake: Money,
}

impl Difference {
    /// A difference of a payment.
    pub fn of_payment(
        kind: DifferenceKind,
        certainty: Certainty,
        values: (impl Into<String>, impl Into<String>),
        at_stake: Money,
    ) -> Self {
        let (here, there) = (values.0.into(), values.1.into());
        Self { kind, certainty, refund_id: None, upstream_refund_id: None, here, there, at_stake }
    }

    /// The difference between two sums of a payment, if there is one.
    pub(super) fn of_sums(
        kind: DifferenceKind,
        intent: &PaymentIntent,
        (here, there): (i64, i64),
        is_pending: bool,
    ) -> Option<Self> {
        let certainty = if is_pending { Certainty::Pending } else { Certainty::Real };
        let text = |minor| intent.money(minor).to_string();
        let at_stake = intent.money(here.saturating_sub(there).saturating_abs());
        (here != there).then(|| Self::of_payment(kind, certainty, (text(here), text(there)), at_stake))
    }
}
