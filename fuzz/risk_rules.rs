//! Gives the compiler of risk rules any text, as a file and as a condition. It must neither end the process nor take more memory
//! or time than the fuzzer allows, must say what is wrong with what it refuses, and at a place within the text.

#![no_main]

use corefy_gateway::domain::risk::{condition::Condition, lists::Lists, rule_set::RuleSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lists = Lists::default();
    if let Err(faults) = Condition::compile(text, &lists) {
        assert!(!faults.is_empty());
        assert!(faults.iter().all(|fault| fault.at <= text.len()), "{faults:?}");
    }
    if let Err(faults) = RuleSet::compile(text, &lists) {
        assert!(!faults.is_empty());
        let lines = text.matches('\n').count() + 1;
        assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults:?}");
    }
});
