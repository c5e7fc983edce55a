//! Many declines from one IP address, whatever the cards.

use super::past::{GuardFinding, Past};
use crate::domain::risk::{subject::Dimension, velocity::Window};

/// The guard.
pub const NAME: &str = "ip_declines";
/// Declines from an IP address within an hour after which no attempt follows.
const MOST: i64 = 30;

pub(super) fn check(past: &Past) -> Option<GuardFinding> {
    let ip = past.subject(Dimension::Ip)?;
    (past.outcomes.ip.declines.within(Window::Hour) >= MOST).then(|| GuardFinding {
        name: NAME,
        subject: ip.id.clone(),
        with: None,
        until: past.now + Window::Hour.length(),
    })
}
