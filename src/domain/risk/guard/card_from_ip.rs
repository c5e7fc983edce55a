//! A card that is tried again and again from one IP address: somebody looks for its details.

use super::past::{GuardFinding, Past};
use crate::domain::risk::{subject::Dimension, velocity::Window};

/// The guard.
pub const NAME: &str = "card_declines_from_ip";
/// Declines of a card from an IP address within an hour after which the card is blocked from there.
const MOST: i64 = 3;

pub(super) fn check(past: &Past) -> Option<GuardFinding> {
    let (card, ip) = (past.subject(Dimension::Card)?, past.subject(Dimension::Ip)?);
    (past.outcomes.ip.of_the_card >= MOST).then(|| GuardFinding {
        name: NAME,
        subject: card.id.clone(),
        with: Some(ip.id.clone()),
        until: past.now + Window::Hour.length(),
    })
}
