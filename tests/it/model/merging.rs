//! The merging of Corefy's word into the books: the order of `app/reconcile/merge.rs` and `app/refunds/merge.rs`, with the rules
//! of the domain.

use corefy_gateway::domain::{
    operation::Operation,
    payment_intent::PaymentIntent,
    refund::{Refund, RefundState},
    snapshot::{Evidence, Merge, PaymentSnapshot, PaymentStatus, RefundMerge, RefundSnapshot},
};

use super::{breaks::Break, domain_objects::NOW, protocol::Turn, situation::PAIR};

/// A payment as it was read.
pub struct ModelPayment {
    /// The intent.
    pub intent: PaymentIntent,
    /// The refunds, by the call that made them.
    pub refunds: [Option<Refund>; PAIR],
}

/// The result of merging, as in the code.
#[derive(Clone, Copy, Default)]
pub struct ModelMerged {
    /// The snapshot is older than what is known.
    pub is_stale: bool,
    /// Why it contradicts the books.
    pub conflict: Option<&'static str>,
}

impl ModelPayment {
    /// Merges a snapshot. While an attempt is open, one without a `trace` of it says nothing of the payment.
    pub fn merge(&mut self, snapshot: &PaymentSnapshot, trace: Option<Evidence>) -> ModelMerged {
        let mut merged = ModelMerged::default();
        if trace.is_none_or(|trace| trace == Evidence::Outcome) {
            match snapshot.merge(&self.intent) {
                Merge::Apply(change) => {
                    snapshot.note_in(&mut self.intent);
                    change.apply(&mut self.intent, NOW);
                }
                Merge::Unchanged => snapshot.note_in(&mut self.intent),
                Merge::Stale => merged.is_stale = true,
                Merge::Conflict(why) => merged.conflict = Some(why),
            }
        }
        if !merged.is_stale && merged.conflict.is_none() {
            let refunds = snapshot.refunds.as_deref().unwrap_or_default();
            merged.conflict = refunds.iter().filter_map(|refund| self.merge_refund(refund)).next();
        }
        merged
    }

    /// Merges what Corefy says of one refund; why it contradicts the books, if it does.
    pub fn merge_refund(&mut self, snapshot: &RefundSnapshot) -> Option<&'static str> {
        let Self { intent, refunds } = self;
        let Some(refund) = refunds.iter_mut().flatten().find(|refund| snapshot.is_of(refund)) else {
            return Some("Corefy shows a refund that is not in the books");
        };
        let merged = snapshot.merge(refund);
        if let RefundMerge::Conflict(why) = merged {
            return Some(why);
        }
        refund.upstream_id = Some(snapshot.upstream_id.clone());
        let RefundMerge::Apply(state, _) = merged else { return None };
        if !intent.has_room_for(refund.amount.minor, Some(refund.state), state) {
            return Some("a refund that was given up was made after all, and its amount is refunded already");
        }
        advance(intent, refund, state);
        None
    }
}

/// Moves a refund, and its share of the intent's sums with it.
pub fn advance(intent: &mut PaymentIntent, refund: &mut Refund, state: RefundState) {
    intent.shift_refund(refund.amount.minor, Some(refund.state), Some(state));
    refund.state = state;
}

impl Turn<'_> {
    /// The evidence that a snapshot has of an attempt.
    pub fn evidence_of(&self, snapshot: &PaymentSnapshot, attempt: &Operation) -> Evidence {
        let is_under_way = snapshot.status == PaymentStatus::Processing;
        if is_under_way && self.protocol.is_broken_by(Break::BelieveStateBefore) {
            return Evidence::Outcome;
        }
        snapshot.evidence_of_attempt_since(attempt.baseline)
    }

    /// Reads the payment; `None`: there is none.
    pub fn payment(&self) -> Option<ModelPayment> {
        let objects = &self.protocol.objects;
        let refund = |place: usize| Some(objects.refund(place, self.now.refunds[place]?));
        Some(ModelPayment { intent: objects.intent(self.now.intent?), refunds: [refund(0), refund(1)] })
    }

    /// Writes the payment.
    pub fn write_payment(&mut self, payment: &ModelPayment) {
        self.write_intent(Some(&payment.intent));
        self.write_refunds(&payment.refunds);
    }
}
