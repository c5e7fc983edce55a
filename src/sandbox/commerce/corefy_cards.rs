//! Corefy's public test cards, whose failures are chosen by the expiry.

use super::expiries::resolution_by;
use crate::sandbox::cards::CardEffect;

/// A test card of Corefy's.
#[derive(Clone, Copy, Debug)]
pub struct CorefyCard {
    /// Sixteen digits that satisfy the Luhn check.
    pub number: &'static str,
    /// Whether the bank asks the payer.
    pub is_3ds: bool,
    /// Whether it is charged in the end.
    pub succeeds: bool,
    /// The same in words.
    pub description: &'static str,
}

/// The cards. Any CVV and any later expiry do.
pub const COREFY_CARDS: &[CorefyCard] = &[
    card("5123817234060000", true, true, "charged after the payer approves on a page"),
    card("5519283812030000", false, true, "charged"),
    card("4412397212080000", true, false, "declined, whatever the payer does on a page"),
    card("4302912837020000", false, false, "declined"),
];

const fn card(number: &'static str, is_3ds: bool, succeeds: bool, description: &'static str) -> CorefyCard {
    CorefyCard { number, is_3ds, succeeds, description }
}

/// The expiry, month and two digits of the year, with which the cards that succeed stay pending.
const STAYS_PENDING: &str = "0777";
/// The effect of a card, and whether its bank asks the payer: of Corefy's cards by the expiry, month and two digits of the
/// year, of others as in the `intents` dialect.
pub(super) fn effect_of(number: &str, expiry: &str) -> (CardEffect, bool) {
    let Some(card) = COREFY_CARDS.iter().find(|card| card.number == number) else {
        let effect = CardEffect::of(number);
        return (effect, effect == CardEffect::Challenge);
    };
    let resolution = resolution_by(expiry);
    let effect = match (card.succeeds, card.is_3ds) {
        (true, _) if expiry == STAYS_PENDING => CardEffect::Stall,
        (true, true) => CardEffect::Challenge,
        (true, false) => CardEffect::Approve,
        (false, true) => CardEffect::ChallengeThenDecline(resolution),
        (false, false) => CardEffect::Decline(resolution),
    };
    (effect, card.is_3ds)
}
