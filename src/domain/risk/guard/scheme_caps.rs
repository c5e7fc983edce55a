//! The card schemes' caps on retries, for which they charge who exceeds them: none after a decline for good, and few after
//! others.

use std::time::Duration;

use super::past::{GuardFinding, Past};
use crate::domain::{clock::Timestamp, risk::subject::Dimension};

/// The guard for cards that were declined for good.
pub const HARD: &str = "card_declined_for_good";
/// The guard for cards that were declined often.
pub const RETRIES: &str = "card_retries";
/// The time to which the caps apply.
pub const SCHEME_WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Declines of a card within [`SCHEME_WINDOW`] after which no attempt follows.
const MOST: i64 = 15;

pub(super) fn check(past: &Past) -> Option<GuardFinding> {
    let (card, declines) = (past.subject(Dimension::Card)?, &past.outcomes.card);
    let blocked = |name: &'static str, since: Timestamp| {
        let until = since + SCHEME_WINDOW;
        GuardFinding { name, subject: card.id.clone(), with: None, until }
    };
    let hard = declines.last_hard.map(|last| blocked(HARD, last));
    let first = declines.first_in_scheme_window.filter(|_| declines.in_scheme_window >= MOST);
    hard.or_else(|| first.map(|first| blocked(RETRIES, first)))
}
