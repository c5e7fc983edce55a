//! Ids and failures, which answers of several kinds have.

use crate::{
    domain::decline::DECLINED,
    upstream::{intents::wire, sanitize},
};

/// The longest id of Corefy's that is believed, in characters.
pub(super) const LONGEST_ID: usize = 100;

/// The sentence for a failure that Corefy gives none for.
pub(super) const NO_MESSAGE: &str = "The payment provider declined the request without giving a reason.";

/// Why an answer is not one to the question.
pub type Mismatch = &'static str;

/// An id becomes a part of paths, so only what cannot change a path's meaning is one.
pub fn id(text: String) -> Result<String, Mismatch> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    let fits = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(is_plain);
    if fits { Ok(text) } else { Err("the answer's id is no id") }
}

/// The code and the sentence of a failure.
pub(super) fn failure(error: Option<wire::WireFailure>) -> (String, String) {
    let (code, message) = error.map(|error| (error.code, error.message)).unwrap_or_default();
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    (or(sanitize::code(&code), DECLINED), or(sanitize::sentence(&message), NO_MESSAGE))
}
