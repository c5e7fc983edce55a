//! The parts that the commands of audited decisions share: why, by whom, and on which database.

use clap::Args;

use crate::{
    config::{operator::this_operator, settings::AdminSettings},
    domain::audit::{Actor, Note},
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// The reason for a decision, which may be left out, and the settings.
#[derive(Args)]
pub(super) struct AuditedDecision {
    /// Why, in 1 to 500 characters, for the audit log; nothing that identifies a payer
    #[arg(long, value_parser = reason)]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) settings: AdminSettings,
}

impl AuditedDecision {
    /// The author of the decision, and the reason.
    pub(super) fn note(&self) -> Note {
        note(self.reason.clone().unwrap_or_default())
    }
}

/// A decision by the operator that gives this command.
pub(super) fn note(reason: String) -> Note {
    Note { by: Actor::Operator(this_operator()), reason }
}

/// Reads why something is decided.
pub(super) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=MAX_REASON).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(format!("must have 1 to {MAX_REASON} characters, in one line")) }
}
