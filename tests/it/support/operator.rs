//! The operator whose commands tests give.

use corefy_gateway::domain::audit::{Actor, Note, Operator};

/// Jane, on the bastion.
pub fn jane() -> Operator {
    Operator { user: "jane".to_owned(), host: "bastion".to_owned() }
}

/// A decision of hers.
pub fn note() -> Note {
    Note { by: Actor::Operator(jane()), reason: "a test".to_owned() }
}
