//! Policy: what decides about attempts, as every gateway has it in memory.

use super::{lists::Lists, rule_set::RuleSet};

/// The rules in force, and all lists.
#[derive(Clone, Debug, Default)]
pub struct RiskPolicy {
    /// The version of the rule set; 0: none was applied yet.
    pub version: i64,
    /// The rule set. Without one, the hard lists and the guard decide alone.
    pub rules: Option<RuleSet>,
    /// All lists. A decision looks at those of its [`Facts`](super::facts::Facts), which are these.
    pub lists: Lists,
}
