//! The compiler of risk rules takes any text, as a file and as a condition: it says what is wrong with what it refuses, and at a
//! place within the text.

use corefy_gateway::domain::risk::{condition::Condition, lists::Lists, rule_set::RuleSet};

/// Compiles the text both ways.
pub fn a_fault_is_told_with_its_place(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let lists = Lists::default();
    if let Err(faults) = Condition::compile(text, &lists) {
        assert!(!faults.is_empty(), "refused without a word");
        assert!(faults.iter().all(|fault| fault.at <= text.len()), "{faults:?}");
    }
    if let Err(faults) = RuleSet::compile(text, &lists) {
        assert!(!faults.is_empty(), "refused without a word");
        let lines = text.matches('\n').count() + 1;
        assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults:?}");
    }
}
