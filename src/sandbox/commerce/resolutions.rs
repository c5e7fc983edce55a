//! Resolutions: Corefy's words for why a payment stands as it does.

use crate::sandbox::payment::EXPIRED;

/// The resolution of success, and of everything on its way.
pub(super) const OK: &str = "ok";
/// The resolution of a payment whose payer the bank has yet to ask.
pub(super) const AWAITS_3DS: &str = "auth_3ds_required";

/// The resolution of a failure with this code: a decline of the sandbox's own cards is given Corefy's word of the same meaning, and
/// those of Corefy's cards are such words already.
pub(super) fn resolution_of(code: &'static str) -> &'static str {
    match code {
        "incorrect_cvc" => "invalid_cvv",
        "lost_card" => "card_lost",
        "stolen_card" => "card_stolen",
        "fraud_suspected" => "antifraud_error",
        "do_not_honor" => "issuer_decline",
        "processing_error" => "fatal_error",
        "limit_exceeded" => "card_usage_limit_violation",
        "authentication_failed" => "client_auth_failed",
        "canceled_by_payer" => "general_decline",
        EXPIRED => "transaction_expired",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::cards::{CardEffect, TEST_CARDS};

    /// Resolutions that Corefy has published, as far as they tell of cards.
    const PUBLISHED: &[&str] = &[
        "antifraud_error",
        "card_expired",
        "card_lost",
        "card_stolen",
        "card_usage_limit_violation",
        "client_auth_failed",
        "fatal_error",
        "general_decline",
        "insufficient_funds",
        "invalid_cvv",
        "issuer_decline",
        "transaction_expired",
    ];

    #[test]
    fn every_decline_of_the_sandbox_has_a_published_resolution_of_its_own() {
        let of_card = |effect| match effect {
            CardEffect::Decline(code) => Some(code),
            _ => None,
        };
        let codes = TEST_CARDS.iter().filter_map(|card| of_card(card.effect));
        let all: Vec<_> =
            codes.chain(["authentication_failed", "canceled_by_payer", EXPIRED]).map(resolution_of).collect();
        for resolution in &all {
            assert!(PUBLISHED.contains(resolution), "{resolution}");
            assert_eq!(all.iter().filter(|other| *other == resolution).count(), 1, "{resolution}");
        }
    }
}
