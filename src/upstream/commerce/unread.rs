//! Finds the parts of an answer that are there and that we cannot read, so that they do not vanish in silence.

use crate::upstream::lenient::json;

/// The parts of the body of a success of `operation` that are there and cannot be read, each named once.
pub fn unreadable(_operation: &'static str, body: &[u8]) -> Vec<&'static str> {
    match json(body) {
        Ok(value) if value.is_object() => Vec::new(),
        Ok(_) | Err(_) => vec!["body"],
    }
}
