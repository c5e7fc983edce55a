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
/// The guards about one card's own declines. They are off in the sandbox, whose test cards have their outcome written on them and
/// are used by everybody.
const OF_ONE_CARD: [&str; 3] = [scheme_caps::HARD, scheme_caps::RETRIES, card_from_ip::NAME];
/// The name of a guard of a later version, whose cool-down holds here as well.
const UNKNOWN: &str = "cool_down";

/// The rules, in their order.
const RULES: [fn(&Past) -> Option<GuardFinding>; 5] =
    [scheme_caps::check, card_from_ip::check, distinct_cards::check, ip_declines::check, customer_declines::check];

/// The first guard that blocks the attempt, if any does: a cool-down that has not ended, or a rule.
pub fn check(past: &Past) -> Option<GuardFinding> {
    let mut findings = cooling_down(past).chain(RULES.iter().filter_map(|rule| rule(past)));
    findings.find(|finding| !past.is_sandbox || !OF_ONE_CARD.contains(&finding.name))
}

/// The cool-downs that hold for the attempt.
fn cooling_down(past: &Past) -> impl Iterator<Item = GuardFinding> {
    let is_of_attempt = |with: &_| past.subjects.iter().any(|subject| subject.id == *with);
    past.subjects.iter().flat_map(move |subject| {
        let held = subject.cool_downs(past.now);
        let held = held.filter(move |cool_down| cool_down.with.as_ref().is_none_or(is_of_attempt));
        held.map(|cool_down| GuardFinding {
            name: NAMES.into_iter().find(|name| *name == cool_down.guard).unwrap_or(UNKNOWN),
            subject: subject.id.clone(),
            with: cool_down.with.clone(),
            until: cool_down.until,
        })
    })
}

#[cfg(test)]
mod tests;
