//! Decisions: what was decided about an attempt, by which version of the rules, and why. Written once, never changed.

use serde::{Deserialize, Serialize};

use super::{
    action::{Action, Mode},
    inputs::RiskInputs,
    velocity::Velocities,
};
use crate::domain::{
    clock::Timestamp,
    ids::{OperationId, RiskDecisionId},
    words::words,
};

words! {
    /// The steps of a decision, in their order. The first that decides ends it.
    Step {
        /// A hard list has one of the subjects: blocked.
        HardList => "hard_list",
        /// The card-testing guard, or a card scheme's cap on retries: blocked.
        Guard => "guard",
        /// A rule that allows.
        AllowRule => "allow_rule",
        /// A rule that blocks.
        BlockRule => "block_rule",
        /// A rule that asks for 3-D Secure.
        Request3dsRule => "request_3ds_rule",
        /// A rule that asks for a review.
        ReviewRule => "review_rule",
        /// A rule could not be evaluated, and the rule set says what happens then.
        OnError => "on_error",
        /// Nothing applied: allowed.
        Default => "default",
    }
}

/// The result of one rule, list or guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// Its name: of a rule, of a hard list, or of a guard.
    pub name: String,
    /// The step that it belongs to.
    pub step: Step,
    /// The action that it asks for.
    pub action: Action,
    /// Whether it counts.
    pub mode: Mode,
    /// Its outcome.
    pub outcome: RuleOutcome,
}

/// The outcome of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOutcome {
    /// It applies.
    Match,
    /// It does not apply.
    NoMatch,
    /// It could not be evaluated: a sentence without personal data. Never taken for "does not apply".
    Error(String),
}

/// A decision about an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskDecision {
    /// Our id.
    pub id: RiskDecisionId,
    /// The call that it was made for.
    pub operation_id: OperationId,
    /// The version of the rule set that was in force; 0: none was applied yet.
    pub rules_version: i64,
    /// The action that was taken.
    pub action: Action,
    /// The step that decided.
    pub step: Step,
    /// The rule, list or guard that decided; empty by default.
    pub decided_by: String,
    /// The results of all that was evaluated, in order.
    pub results: Vec<RuleResult>,
    /// The inputs as they were.
    pub inputs: RiskInputs,
    /// The velocities as they were.
    pub velocities: Velocities,
    /// Names of the lists of IP addresses that had the payer's, which is itself not kept.
    pub ip_lists: Vec<String>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The time that it took, in microseconds.
    pub took_micros: i64,
}
