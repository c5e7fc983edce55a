//! The fuzzer of one target, which the variable `FUZZ_TARGET` names: any bytes are handed to its law.

#![no_main]

#[allow(dead_code, unused_imports)] // the tests take more of the laws
mod laws;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// The law of the target.
static LAW: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = laws::TARGETS.iter().find(|target| target.name == name);
    let names: Vec<_> = laws::TARGETS.iter().map(|target| target.name).collect();
    found.unwrap_or_else(|| panic!("FUZZ_TARGET must be one of {}", names.join(", "))).law
});

fuzz_target!(|bytes: &[u8]| LAW(bytes));
