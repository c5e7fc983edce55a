//! Many declines of one customer, whatever the cards and addresses.

use super::past::{GuardFinding, Past};
use crate::domain::risk::{subject::Dimension, velocity::Window};

/// The guard.
pub const NAME: &str = "customer_declines";
/// Declines of a customer within a day after which no attempt follows.
const MOST: i64 = 8;

pub(super) fn check(past: &Past) -> Option<GuardFinding> {
    let customer = past.subject(Dimension::Customer)?;
    (past.outcomes.customer.declines.within(Window::Day) >= MOST).then(|| GuardFinding {
        name: NAME,
        subject: customer.id.clone(),
        with: None,
        until: past.now + Window::Day.length(),
    })
}
