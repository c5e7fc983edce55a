//! Rules that were compiled, and faults of those that were not.

use std::fmt;

use crate::domain::risk::{
    action::{Action, Mode},
    condition::Condition,
    decision::{RuleOutcome, RuleResult, Step},
    facts::Facts,
};

/// Rules of a set at most.
pub const MOST_RULES: usize = 50;
/// Bytes of a file at most: all rules with the longest conditions, and as much around them.
pub const MOST_FILE_BYTES: usize = 256 * 1024;
/// Faults that are told at once.
pub const MOST_FAULTS: usize = 100;
/// Characters of a rule's or a set's name at most.
pub const LONGEST_NAME: usize = 64;
/// Characters of a description at most.
pub const LONGEST_DESCRIPTION: usize = 500;
/// The greatest priority.
pub const LAST_PRIORITY: i64 = 1000;
/// The priority of a rule that gives none.
pub const USUAL_PRIORITY: i64 = 100;

/// A compiled rule set.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// Its name.
    pub name: String,
    /// The action on an attempt for which a rule could not be evaluated: allow, review or block.
    pub on_error: Action,
    /// The action where a rule asks for 3-D Secure and the connection cannot: review or block.
    pub request_3ds_fallback: Action,
    /// Its rules, in the order in which they are evaluated.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, of `a-z0-9_`, unique within the set.
    pub name: String,
    /// Its meaning, for people; may be empty.
    pub description: String,
    /// The action that it asks for.
    pub action: Action,
    /// Whether it counts.
    pub mode: Mode,
    /// Its place among the rules of its action: the least is the first.
    pub priority: i64,
    /// When it applies.
    pub condition: Condition,
}

/// A fault of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// The rule's name, where the fault is one of a rule that has a name.
    pub rule: Option<String>,
    /// A sentence that says what is wrong, and what it should be.
    pub message: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl RuleSet {
    /// The result of every rule, in order.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Vec<RuleResult> {
        self.rules.iter().map(|rule| rule.evaluate(facts)).collect()
    }

    /// Whether a rule asks for a velocity of the card's BIN, in force or in shadow.
    pub fn asks_for_bin(&self) -> bool {
        self.rules.iter().any(|rule| rule.condition.asks_for_bin())
    }
}

impl Rule {
    fn evaluate(&self, facts: &Facts<'_>) -> RuleResult {
        RuleResult {
            name: self.name.clone(),
            step: self.step(),
            action: self.action,
            mode: self.mode,
            outcome: match self.condition.holds(facts) {
                Ok(true) => RuleOutcome::Match,
                Ok(false) => RuleOutcome::NoMatch,
                Err(failure) => RuleOutcome::Error(failure.to_string()),
            },
        }
    }

    /// The step of a decision at which it counts.
    pub fn step(&self) -> Step {
        match self.action {
            Action::Allow => Step::AllowRule,
            Action::Block => Step::BlockRule,
            Action::Request3ds => Step::Request3dsRule,
            Action::Review => Step::ReviewRule,
        }
    }
}
