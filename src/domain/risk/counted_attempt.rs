//! Counted attempts: for whom an attempt counts that is let through, so that it can be taken back when it was not made after all.

use super::{
    action::Action,
    decision::RiskDecision,
    subject::{Dimension, SubjectId},
};
use crate::domain::{clock::Timestamp, ids::RiskDecisionId};

/// An attempt that was let through, as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedAttempt {
    /// The decision that let it through.
    pub decision_id: RiskDecisionId,
    /// Its card, address, email address and customer, as far as they are known.
    pub subjects: Vec<SubjectId>,
    /// The first six digits of its card.
    pub bin: Option<String>,
    /// Its amount in minor units of the base currency, where there is a rate.
    pub base_amount: Option<i64>,
    /// When it was decided about.
    pub at: Timestamp,
}

impl CountedAttempt {
    /// The attempt of a decision; `None` when it was blocked, and does not count.
    pub fn of(decision: &RiskDecision) -> Option<Self> {
        let RiskDecision { id, action, inputs, decided_at, .. } = decision;
        let subjects = Dimension::OF_ROWS.into_iter().filter_map(|dimension| inputs.subject(dimension));
        (*action != Action::Block).then(|| Self {
            decision_id: id.clone(),
            subjects: subjects.collect(),
            bin: inputs.card.as_ref().map(|card| card.bin.clone()),
            base_amount: inputs.base_amount.map(|amount| amount.minor),
            at: *decided_at,
        })
    }

    /// Its card as a subject.
    pub fn card(&self) -> Option<&SubjectId> {
        self.subjects.iter().find(|subject| subject.dimension() == Some(Dimension::Card))
    }
}
