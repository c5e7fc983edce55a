//! Many cards from one IP address, of one email address or of one customer: somebody tries which of them work.

use super::past::{GuardFinding, Past};
use crate::domain::risk::{subject::Dimension, velocity::Window};

/// The guard.
pub const NAME: &str = "distinct_cards";
/// Different cards within an hour after which no attempt follows.
const MOST: i64 = 10;

pub(super) fn check(past: &Past) -> Option<GuardFinding> {
    let dimensions = [Dimension::Ip, Dimension::Email, Dimension::Customer];
    let subjects = dimensions.into_iter().filter_map(|dimension| past.subject(dimension));
    let tries_cards = subjects.into_iter().find(|subject| subject.distinct_cards(Window::Hour, past.now) >= MOST);
    tries_cards.map(|subject| GuardFinding {
        name: NAME,
        subject: subject.id.clone(),
        with: None,
        until: past.now + Window::Hour.length(),
    })
}
