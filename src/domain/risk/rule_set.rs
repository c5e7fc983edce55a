//! Rule sets: the rules of an operator, as a file in TOML has them, compiled to be evaluated for every attempt.

mod file;
mod place;
mod rules;

pub use rules::{
    LAST_PRIORITY, LONGEST_DESCRIPTION, LONGEST_NAME, MOST_FAULTS, MOST_FILE_BYTES, MOST_RULES, Rule, RuleFault,
    RuleSet, USUAL_PRIORITY,
};

#[cfg(test)]
mod tests;
