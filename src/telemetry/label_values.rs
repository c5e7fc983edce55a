//! Values of labels that come from outside: only known words are used, so that the number of series is bounded.

/// The label for every unknown word.
pub const OTHER: &str = "other";

/// The types of webhooks that Corefy is known to send.
pub const WEBHOOK_TYPES: [&str; 8] = [
    "payment.succeeded",
    "payment.failed",
    "payment.requires_action",
    "refund.succeeded",
    "refund.failed",
    "customer.created",
    "customer.updated",
    "payment_method.updated",
];

/// The codes of declines and failures that Corefy and its connectors are known to give, and our own.
pub const DECLINE_CODES: [&str; 36] = [
    "antifraud_error",
    "auth_fatal_error",
    "authentication_failed",
    "card_declined",
    "card_expired",
    "card_lost",
    "card_stolen",
    "declined",
    "do_not_honor",
    "expired_card",
    "fraud_suspected",
    "incorrect_cvc",
    "incorrect_cvv",
    "incorrect_number",
    "insufficient_funds",
    "invalid_3ds_code",
    "invalid_card",
    "invalid_cvv",
    "invalid_details",
    "invalid_expiry_date",
    "invalid_pan",
    "issuer_unavailable",
    "limit_exceeded",
    "lost_card",
    "lost_or_stolen_card",
    "payment_failed",
    "pickup_card",
    "processing_error",
    "provider_error",
    "restricted_card",
    "stolen_card",
    "timeout",
    "transaction_not_permitted",
    "try_again_later",
    "upstream_no_record",
    "withdrawal_limit_exceeded",
];

/// The word of `known` that equals `told`, or [`OTHER`].
pub fn one_of(told: &str, known: &[&'static str]) -> &'static str {
    known.iter().find(|word| **word == told).copied().unwrap_or(OTHER)
}
