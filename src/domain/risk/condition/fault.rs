//! Faults of conditions, and the limits within which a condition has to be.

/// Bytes of a condition at most.
pub const MOST_BYTES: usize = 2048;
/// Levels of a condition at most, in parentheses as in operators.
pub const MOST_LEVELS: u16 = 32;
/// Characters of a fault's message at most.
pub(super) const LONGEST_MESSAGE: usize = 300;

/// A fault of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place in its text, in bytes.
    pub at: usize,
    /// A sentence that says what is wrong, and what it should be.
    pub message: String,
}

impl Fault {
    /// A fault whose message is cut off where it quotes too much of the rule.
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        Self { at, message }
    }
}
