//! Values of labels that come from outside: only known words are used, so that the number of series is bounded.

/// The label for every unknown word.
pub const OTHER: &str = "other";

/// The types of webhooks that Corefy is known to send.
pub const WEBHOOK_TYPES: [&str; 9] = [
    "payment.succeeded",
    "payment.failed",
    "payment.requires_action",
    "payment.charged_back",
    "refund.succeeded",
    "refund.failed",
    "customer.created",
    "customer.updated",
    "payment_method.updated",
];

/// The word of `known` that equals `told`, or [`OTHER`].
pub fn one_of(told: &str, known: impl IntoIterator<Item = &'static str>) -> &'static str {
    known.into_iter().find(|word| *word == told).unwrap_or(OTHER)
}
