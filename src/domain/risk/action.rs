//! Actions that a rule can take on an attempt, and whether it takes them.

use crate::domain::words::words;

words! {
    /// The result of a decision, from the mildest to the strictest.
    Action {
        /// The attempt goes on.
        Allow => "allow",
        /// The attempt goes on and is flagged for a person to look at.
        Review => "review",
        /// The payer has to be authenticated.
        Request3ds => "request_3ds",
        /// Nothing is sent; the payer gets a decline.
        Block => "block",
    }
}

words! {
    /// Whether a rule counts.
    Mode {
        /// It decides.
        Live => "live",
        /// It is evaluated and recorded, and changes no outcome.
        Shadow => "shadow",
    }
}
