//! The parts that the readers of answers have in common in every dialect: ids that are believed, and what does not fit.

/// The longest id of Corefy's that is believed, in characters.
pub const LONGEST_ID: usize = 100;

/// The sentence for a failure that Corefy gives none for.
pub const NO_MESSAGE: &str = "The payment provider declined the request without giving a reason.";

/// Why an answer is not one to the question.
pub type Mismatch = &'static str;

/// An id becomes a part of paths, so only what cannot change a path's meaning is one.
pub fn id(text: String) -> Result<String, Mismatch> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    let fits = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(is_plain);
    if fits { Ok(text) } else { Err("the answer's id is no id") }
}

/// Says why an answer could not be read. The parser's message could quote the body, so only the position is given.
pub fn unreadable(error: &serde_json::Error) -> String {
    match error.column() {
        0 => "the answer has another shape".to_owned(),
        column => format!("unreadable from column {column}"),
    }
}
