//! Payments that differ from Corefy's, as events show them.

use super::timestamps;
use crate::{
    domain::reconciliation::{Difference, DifferenceKind, Mismatch},
    pb,
};

impl From<Mismatch> for pb::Mismatch {
    fn from(mismatch: Mismatch) -> Self {
        Self {
            payment_intent_id: mismatch.payment_intent_id.to_string(),
            upstream_id: mismatch.upstream_id.unwrap_or_default(),
            differences: mismatch.differences.into_iter().map(Into::into).collect(),
            found_at: Some(timestamps::wire(mismatch.found_at)),
        }
    }
}

impl From<Difference> for pb::Difference {
    fn from(difference: Difference) -> Self {
        Self {
            kind: pb::DifferenceKind::from(difference.kind).into(),
            refund_id: difference.refund_id.map(|id| id.to_string()).unwrap_or_default(),
            upstream_refund_id: difference.upstream_refund_id.unwrap_or_default(),
            here: difference.here,
            there: difference.there,
            amount: difference.at_stake.to_string(),
            currency: difference.at_stake.currency.code().to_owned(),
        }
    }
}

impl From<DifferenceKind> for pb::DifferenceKind {
    fn from(kind: DifferenceKind) -> Self {
        match kind {
            DifferenceKind::MissingHere => Self::MissingHere,
            DifferenceKind::MissingThere => Self::MissingThere,
            DifferenceKind::Currency => Self::Currency,
            DifferenceKind::Amount => Self::Amount,
            DifferenceKind::State => Self::State,
            DifferenceKind::ChargedBack => Self::ChargedBack,
            DifferenceKind::RefundMissingHere => Self::RefundMissingHere,
            DifferenceKind::RefundMissingThere => Self::RefundMissingThere,
            DifferenceKind::RefundAmount => Self::RefundAmount,
            DifferenceKind::RefundState => Self::RefundState,
            DifferenceKind::Refunded => Self::Refunded,
        }
    }
}
