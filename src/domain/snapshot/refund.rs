//! Corefy's word about a refund, and the rule by which it is merged into what we know.

use crate::domain::{
    event::EventType,
    money::Money,
    refund::{Refund, RefundFailure, RefundState},
};

/// A refund as Corefy shows it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSnapshot {
    /// Corefy's id.
    pub upstream_id: String,
    /// The reference it was made with: our refund's id, when we made it.
    pub reference: Option<String>,
    /// How it stands; `None` for a word we do not know.
    pub state: Option<RefundState>,
    /// How much; `None` when Corefy does not tell, which counts only when it succeeded.
    pub amount: Option<Money>,
    /// Why it failed, when it did.
    pub failure: Option<RefundFailure>,
}

/// The meaning of a refund snapshot for a refund of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundMerge {
    /// It moves the refund.
    Apply(RefundState, &'static [EventType]),
    /// It tells what we know already, or nothing that can be acted on.
    Unchanged,
    /// It contradicts what we know; a person has to look.
    Conflict(&'static str),
}

impl RefundSnapshot {
    /// Whether no money was given back, so that its amount says nothing.
    pub fn came_to_nothing(&self) -> bool {
        matches!(self.state, Some(RefundState::Failed | RefundState::Canceled))
    }

    /// Whether it shows this refund: by Corefy's id, or by our reference.
    pub fn is_of(&self, refund: &Refund) -> bool {
        self.has_id_of(refund) || self.has_reference_of(refund)
    }

    /// Whether this refund is noted by the id it has at Corefy.
    pub fn has_id_of(&self, refund: &Refund) -> bool {
        refund.upstream_id.as_deref() == Some(&self.upstream_id)
    }

    /// Whether it was made with our reference of this refund.
    pub fn has_reference_of(&self, refund: &Refund) -> bool {
        self.reference.as_deref() == Some(refund.id.as_str())
    }

    /// Whether it may show this refund, having lost its reference: of those of its amount, one that Corefy has not shown yet, whose
    /// fate is not known, or known as an operator states.
    pub fn may_be_of(&self, refund: &Refund) -> bool {
        let may_be_made = matches!(refund.state, RefundState::Pending | RefundState::Succeeded);
        refund.upstream_id.is_none() && may_be_made && self.amount == Some(refund.amount)
    }

    /// Decides what this snapshot means for `refund`.
    pub fn merge(&self, refund: &Refund) -> RefundMerge {
        if !self.came_to_nothing() && self.amount.is_some_and(|amount| amount != refund.amount) {
            return RefundMerge::Conflict("the refund's amount differs");
        }
        if self.state == Some(RefundState::Succeeded) && self.amount.is_none() {
            return RefundMerge::Conflict("the amount that was given back is missing");
        }
        let Some(state) = self.state.filter(|state| refund.state.may_become(*state)) else {
            return RefundMerge::Unchanged;
        };
        let events: &[EventType] = match (refund.state, state) {
            (RefundState::Failed | RefundState::Canceled, _) => {
                &[EventType::RefundLateSuccess, EventType::RefundSucceeded]
            }
            (_, RefundState::Succeeded) => &[EventType::RefundSucceeded],
            (_, RefundState::Failed) => &[EventType::RefundFailed],
            (_, RefundState::Canceled) => &[EventType::RefundCanceled],
            (_, RefundState::Pending) => &[],
        };
        RefundMerge::Apply(state, events)
    }
}
