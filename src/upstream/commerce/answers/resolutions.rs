//! Why an invoice or a refund failed: Corefy's resolutions in the words that callers know.

use crate::domain::decline::{DECLINED, PaymentError};
use crate::upstream::{reading::NO_MESSAGE, sanitize};

/// The code and the sentence of a failure; `otherwise` where the resolution says nothing.
pub fn failure(resolution: &str, message: &str, otherwise: &str) -> PaymentError {
    let word = sanitize::code(resolution);
    let code = if matches!(word.as_str(), "" | "ok") { otherwise.to_owned() } else { code(word) };
    let message = Some(sanitize::sentence(message)).filter(|message| !message.is_empty());
    PaymentError { code, message: message.unwrap_or_else(|| NO_MESSAGE.to_owned()) }
}

/// The code for a resolution; one that is not known stays as it is, and reads like a plain decline.
fn code(resolution: String) -> String {
    let known = match resolution.as_str() {
        "general_decline" | "issuer_decline" | "fatal_decline" => DECLINED,
        "functionality_is_not_permitted" => "transaction_not_permitted",
        "access_denied"
        | "customer_blocked"
        | "card_type_not_supported"
        | "invalid_card_type"
        | "invalid_amount"
        | "card_restricted_by_acquirer" => "refused",
        "card_is_lost" => "lost_card",
        "card_is_stolen" => "stolen_card",
        "card_restricted" | "card_blocked_by_invalid_pin" | "invalid_card_status" => "restricted_card",
        "card_usage_limit_violation" | "card_usage_issuer_limit_violation" | "limit_violation" => "limit_exceeded",
        "fatal_card_expired" => "card_expired",
        "transaction_expired" => "payment_expired",
        "fatal_invalid_card" => "invalid_card",
        "invalid_expire_date" => "invalid_expiry_date",
        "invalid_cardholder" | "card_verification_failed" => "invalid_details",
        "auth_3ds_required"
        | "auth_otp_required"
        | "client_auth_failed"
        | "card_3ds_enrolled"
        | "card_not_3ds_enrolled"
        | "card_is_3ds_enrolled"
        | "card_is_not_3ds_enrolled"
        | "unable_to_determine_3ds_enrolment"
        | "invalid_otp"
        | "invalid_otp_code"
        | "invalid_pin" => "authentication_failed",
        "fatal_issuer_unavailable" => "issuer_unavailable",
        "fatal_timeout" => "timeout",
        "provider_fatal_error" => "provider_error",
        "fatal_error"
        | "general_fatal_error"
        | "error"
        | "unknown"
        | "unable_to_reconcile"
        | "invalid_request"
        | "invalid_credentials"
        | "duplicated_transaction" => "processing_error",
        _ => return resolution,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decline::known_codes;

    /// The resolutions that Corefy documents for failures.
    const DOCUMENTED: &str = "antifraud_error auth_3ds_required auth_otp_required auth_fatal_error card_expired \
        card_3ds_enrolled card_not_3ds_enrolled card_blocked_by_invalid_pin card_lost card_stolen card_restricted \
        card_restricted_by_acquirer invalid_card_type card_usage_limit_violation card_usage_issuer_limit_violation \
        card_verification_failed client_auth_failed customer_blocked general_decline transaction_expired \
        fatal_decline fatal_error fatal_invalid_card insufficient_funds invalid_3ds_code invalid_amount invalid_card \
        invalid_cardholder invalid_cvv invalid_details invalid_expire_date invalid_otp_code issuer_decline \
        access_denied error provider_error provider_fatal_error unknown duplicated_transaction \
        unable_to_determine_3ds_enrolment card_is_3ds_enrolled card_is_not_3ds_enrolled invalid_pin \
        unable_to_reconcile limit_violation functionality_is_not_permitted invalid_request lost_or_stolen_card \
        declined invalid_otp invalid_card_status invalid_pan invalid_credentials general_fatal_error card_is_lost \
        card_is_stolen fatal_card_expired fatal_issuer_unavailable fatal_timeout card_type_not_supported";

    #[test]
    fn every_documented_resolution_has_a_code_that_callers_know() {
        for resolution in DOCUMENTED.split_whitespace() {
            let code = failure(resolution, "", "x").code;
            assert!(known_codes().any(|known| known == code), "{resolution}: {code}");
        }
    }

    #[test]
    fn a_failure_is_told_by_resolution_then_by_status_and_without_card_numbers() {
        let told = |resolution: &str, message: &str| failure(resolution, message, "payment_expired");
        assert_eq!(told("ok", "").code, "payment_expired");
        assert_eq!(told("", "").message, NO_MESSAGE);
        assert_eq!(told("card_is_stolen", "").code, "stolen_card");
        assert_eq!(told("a_word_of_tomorrow", "").code, "a_word_of_tomorrow");
        assert_eq!(told("declined", "4111111111111111 was declined").message, "************1111 was declined");
    }
}
