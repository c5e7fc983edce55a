//! Brings callbacks of any bytes: only what was signed, byte for byte, is verified.

#![no_main]

#[allow(dead_code)] // a target tries some of the laws
mod laws;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| laws::callbacks::only_what_was_signed_is_verified(bytes));
