//! The past of an attempt as guards look at it, and their findings.

use crate::domain::{
    clock::Timestamp,
    risk::{
        history::{CoolDown, RiskSubject},
        outcome::PastOutcomes,
        subject::{Dimension, SubjectId},
    },
};

/// The past of an attempt.
pub struct Past<'a> {
    /// The attempt's subjects.
    pub subjects: &'a [&'a RiskSubject],
    /// The outcomes of their attempts.
    pub outcomes: &'a PastOutcomes,
    /// Whether no money can move.
    pub is_sandbox: bool,
    /// The moment of the attempt.
    pub now: Timestamp,
}

/// The reason for which a guard blocks an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardFinding {
    /// The guard.
    pub name: &'static str,
    /// The subject that is blocked.
    pub subject: SubjectId,
    /// The other subject that an attempt must have too to be blocked; none: any attempt of the subject is.
    pub with: Option<SubjectId>,
    /// Until when it is.
    pub until: Timestamp,
}

impl Past<'_> {
    /// The attempt's subject of this dimension, if it is known.
    pub fn subject(&self, dimension: Dimension) -> Option<&RiskSubject> {
        self.subjects.iter().copied().find(|subject| subject.id.dimension() == Some(dimension))
    }
}

impl GuardFinding {
    /// The time from `now` on for which the guard goes on blocking.
    pub fn cool_down(&self, now: Timestamp) -> CoolDown {
        CoolDown { guard: self.name.to_owned(), with: self.with.clone(), from: now, until: self.until }
    }
}
