//! Corefy's public test cards, whose failures are chosen by the expiry.

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
/// The resolution of a card that fails, unless its expiry names another.
const FAILS: &str = "general_fatal_error";

/// Resolutions of the cards that fail, by expiry.
const RESOLUTIONS: &[(&str, &str)] = &[
    ("0856", "access_denied"),
    ("0755", "error"),
    ("0654", "provider_error"),
    ("0553", "unknown"),
    ("0452", "duplicated_transaction"),
    ("0351", "auth_fatal_error"),
    ("0250", "unable_to_determine_3ds_enrolment"),
    ("0149", "card_is_3ds_enrolled"),
    ("1248", "card_is_not_3ds_enrolled"),
    ("1147", "issuer_decline"),
    ("1046", "client_auth_failed"),
    ("0945", "provider_fatal_error"),
    ("0844", "invalid_details"),
    ("0743", "invalid_pin"),
    ("0642", "antifraud_error"),
    ("0541", "invalid_card"),
    ("0440", "fatal_error"),
    ("0339", "unable_to_reconcile"),
    ("0238", "invalid_amount"),
    ("0137", "limit_violation"),
    ("1236", "functionality_is_not_permitted"),
    ("1135", "invalid_request"),
    ("1034", "lost_or_stolen_card"),
    ("0933", "declined"),
    ("0832", "invalid_otp"),
    ("0731", "invalid_3ds_code"),
    ("0630", "invalid_card_status"),
    ("0529", "insufficient_funds"),
    ("0428", "card_expired"),
    ("0327", "invalid_cvv"),
    ("0226", "invalid_pan"),
    ("0125", "invalid_credentials"),
];

/// The effect of a card, and whether its bank asks the payer: of Corefy's cards by the expiry, month and two digits of the
/// year, of others as in the `intents` dialect.
pub(super) fn effect_of(number: &str, expiry: &str) -> (CardEffect, bool) {
    let Some(card) = COREFY_CARDS.iter().find(|card| card.number == number) else {
        let effect = CardEffect::of(number);
        return (effect, effect == CardEffect::Challenge);
    };
    let resolution = RESOLUTIONS.iter().find(|(own, _)| *own == expiry).map_or(FAILS, |(_, resolution)| resolution);
    let effect = match (card.succeeds, card.is_3ds) {
        (true, _) if expiry == STAYS_PENDING => CardEffect::Stall,
        (true, true) => CardEffect::Challenge,
        (true, false) => CardEffect::Approve,
        (false, true) => CardEffect::ChallengeThenDecline(resolution),
        (false, false) => CardEffect::Decline(resolution),
    };
    (effect, card.is_3ds)
}
