//! The resolutions of Corefy's test cards that fail, which are chosen by the expiry.

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

/// The resolution of a card that fails, by its expiry: month and two digits of the year.
pub(super) fn resolution_by(expiry: &str) -> &'static str {
    RESOLUTIONS.iter().find(|(own, _)| *own == expiry).map_or(FAILS, |(_, resolution)| resolution)
}

/// Every resolution that there is.
pub(in crate::sandbox) fn resolutions() -> impl Iterator<Item = &'static str> {
    RESOLUTIONS.iter().map(|(_, resolution)| *resolution).chain([FAILS])
}
