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
        "processing_error" => "provider_error",
        "limit_exceeded" => "card_usage_limit_violation",
        "authentication_failed" => "client_auth_failed",
        "canceled_by_payer" => "general_decline",
        EXPIRED => "transaction_expired",
        other => other,
    }
}
