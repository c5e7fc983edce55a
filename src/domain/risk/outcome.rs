//! Outcomes: what came of an attempt that was let through, as far as later decisions count it.

use super::velocity::Window;
use crate::domain::{
    clock::Timestamp,
    decline::{is_hard_decline, is_issuer_decline},
    ids::RiskDecisionId,
    words::words,
};

words! {
    /// The kinds of outcomes that are counted.
    OutcomeKind {
        /// The card's issuer declined. Failures that never reached it are no outcome.
        Declined => "declined",
        /// It was paid.
        Succeeded => "succeeded",
        /// It was paid and charged back, at least in part.
        ChargedBack => "charged_back",
    }
}

/// The outcome of an attempt. Each kind counts once an attempt, however often it is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskOutcome {
    /// The decision that let the attempt through.
    pub decision_id: RiskDecisionId,
    /// Its kind.
    pub kind: OutcomeKind,
    /// Whether the issuer declined the card for good.
    pub is_hard: bool,
    /// When it was found out.
    pub at: Timestamp,
}

impl RiskOutcome {
    /// The outcome of an attempt that failed with `code`; none where the issuer did not decline it.
    pub fn of_failure(decision_id: RiskDecisionId, code: &str, at: Timestamp) -> Option<Self> {
        let kind = OutcomeKind::Declined;
        is_issuer_decline(code).then(|| Self { decision_id, kind, is_hard: is_hard_decline(code), at })
    }

    /// An outcome that is no decline.
    pub fn of(decision_id: RiskDecisionId, kind: OutcomeKind, at: Timestamp) -> Self {
        Self { decision_id, kind, is_hard: false, at }
    }
}

/// The outcomes of the attempts before, as far as a decision looks at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastOutcomes {
    /// Declines of the card.
    pub card: CardDeclines,
    /// Declines of attempts from the IP address.
    pub ip: IpDeclines,
    /// Declines of attempts with the email address.
    pub email: Declines,
    /// Outcomes of the customer's attempts.
    pub customer: CustomerOutcomes,
}

/// The most of each kind of outcomes that are counted for a subject: the latest. So a subject that has many is read as fast
/// as any.
pub const MOST_OUTCOMES: i64 = 1000;

/// Declines within each window, in the order of [`Window::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declines(pub [i64; 4]);

impl Declines {
    /// How many within this window.
    pub fn within(&self, window: Window) -> i64 {
        Window::ALL.iter().zip(self.0).find(|(other, _)| **other == window).map_or(0, |(_, count)| count)
    }
}

/// Declines of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardDeclines {
    /// By windows.
    pub declines: Declines,
    /// How many in the 30 days to which the card schemes' caps apply.
    pub in_scheme_window: i64,
    /// When the first of those was.
    pub first_in_scheme_window: Option<Timestamp>,
    /// When the last of those was that was for good.
    pub last_hard: Option<Timestamp>,
}

/// Declines of attempts from an IP address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpDeclines {
    /// By windows.
    pub declines: Declines,
    /// How many of the last hour were of the card that is tried now.
    pub of_the_card: i64,
}

/// Outcomes of a customer's attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerOutcomes {
    /// Declines by windows.
    pub declines: Declines,
    /// Every decline that is kept.
    pub all_declines: i64,
    /// Every success that is kept.
    pub successes: i64,
    /// Every payment that was charged back and is kept.
    pub chargebacks: i64,
}
