//! Failures, which answers of several kinds have.

use crate::{
    domain::decline::DECLINED,
    upstream::{intents::wire, reading::NO_MESSAGE, sanitize},
};

/// The code and the sentence of a failure.
pub(super) fn failure(error: Option<wire::WireFailure>) -> (String, String) {
    let (code, message) = error.map(|error| (error.code, error.message)).unwrap_or_default();
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    (or(sanitize::code(&code), DECLINED), or(sanitize::sentence(&message), NO_MESSAGE))
}
