//! Has Corefy answer with any bytes, in the commerce dialect: nothing panics, and what is believed keeps the sums of a payment.

#![no_main]

#[allow(dead_code)] // a target tries some of the laws
mod laws;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = laws::answers::any_answer_is_read(bytes);
    laws::amounts::any_amount_stays_what_it_is(bytes);
});
