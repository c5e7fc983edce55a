//! The card-testing guard, and the card schemes' caps on retries: on without any configuration, one file a rule. Once a rule
//! finds something it goes on blocking for a time, the cool-down, in which nothing is counted. Where the caller gives no IP
//! address, no email address or no customer, the rules that need one find nothing.

mod card_from_ip;
mod customer_declines;
mod distinct_cards;
mod ip_declines;
mod past;
mod scheme_caps;

pub use past::{GuardFinding, Past};
pub use scheme_caps::SCHEME_WINDOW;

/// The names of all guards.
pub const NAMES: [&str; 6] = [
    scheme_caps::HARD,
    scheme_caps::RETRIES,
    card_from_ip::NAME,
    distinct_cards::NAME,
    ip_declines::NAME,
    customer_declines::NAME,
];
/// The name of a guard of a later version, whose cool-down holds here as well.
const UNKNOWN: &str = "cool_down";

/// The rules, in their order.
const RULES: [fn(&Past) -> Option<GuardFinding>; 5] =
    [scheme_caps::check, card_from_ip::check, distinct_cards::check, ip_declines::check, customer_declines::check];

/// The first guard that blocks the attempt, if any does: a cool-down that has not ended, or a rule.
pub fn check(past: &Past) -> Option<GuardFinding> {
    cooling_down(past).or_else(|| RULES.iter().find_map(|rule| rule(past)))
}

fn cooling_down(past: &Past) -> Option<GuardFinding> {
    let is_of_attempt = |with: &_| past.subjects.iter().any(|subject| subject.id == *with);
    past.subjects.iter().find_map(|subject| {
        let mut cool_downs = subject.cool_downs(past.now);
        let holds = cool_downs.find(|cool_down| cool_down.with.as_ref().is_none_or(is_of_attempt))?;
        let name = NAMES.into_iter().find(|name| *name == holds.guard).unwrap_or(UNKNOWN);
        Some(GuardFinding { name, subject: subject.id.clone(), with: holds.with.clone(), until: holds.until })
    })
}

#[cfg(test)]
mod tests;
