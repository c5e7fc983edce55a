//! The laws of everything that reads bytes from outside, as functions of any bytes: each panics where its law is broken. The fuzzer
//! calls the one of its target, and `tests/it/fuzzing.rs` calls all.

use std::task::{Context, Poll, Waker};

pub mod amounts;
pub mod answers;
mod api_keys;
pub mod callbacks;
mod choices;
mod corefy;
mod credentials;
mod env_files;
mod forwarding;
mod gateway;
mod list_values;
mod messages;
mod money;
mod page_tokens;
mod reference_files;
mod requests;
mod risk_rules;
mod sandbox_memories;
mod sandbox_requests;
mod scenes;
mod settings;
mod traces;
mod web_frames;

pub use corefy::BETWEEN_ANSWERS;

/// A law and its corpus, `fuzz/corpus/<name>`.
pub struct Target {
    /// The name by which it is fuzzed.
    pub name: &'static str,
    /// The law.
    pub law: fn(&[u8]),
    /// How many inputs `make test` makes of its corpus: more where one costs little.
    pub inputs: usize,
}

/// The inputs of a law that costs microseconds.
const CHEAP: usize = 10_000;
/// The inputs of one that costs a millisecond.
const DEAR: usize = 1_000;
/// The inputs of one that asks a whole gateway several times, or reads a whole memory.
const DEAREST: usize = 300;

/// All of them, in the order of the alphabet.
pub const TARGETS: [Target; 21] = [
    target("amounts_sent", amounts::any_amount_stays_what_it_is, DEAR),
    target("api_keys", api_keys::a_key_comes_back_as_it_was_given, CHEAP),
    target("commerce_answers", answers::any_answer_of_commerce_breaks_no_law, DEAR),
    target("commerce_callbacks", callbacks::only_what_was_signed_is_verified_by_commerce, DEAR),
    target("credentials", credentials::only_the_key_lets_a_call_in, DEAREST),
    target("env_files", env_files::a_variable_is_set_as_it_is_written, CHEAP),
    target("forwarded_for", forwarding::only_proxies_say_who_called, CHEAP),
    target("intents_answers", answers::any_answer_of_intents_breaks_no_law, DEAR),
    target("intents_callbacks", callbacks::only_what_was_signed_is_verified_by_intents, DEAR),
    target("list_values", list_values::a_value_has_one_form, CHEAP),
    target("money", money::an_amount_is_read_as_it_is_written, CHEAP),
    target("page_tokens", page_tokens::only_a_token_of_the_list_leads_on, DEAREST),
    target("proxy_headers", forwarding::a_proxy_header_takes_its_own_bytes, CHEAP),
    target("reference_files", reference_files::a_file_is_read_whole_or_refused, DEAR),
    target("requests", requests::any_request_is_answered, DEAR),
    target("risk_rules", risk_rules::a_fault_is_told_with_its_place, DEAR),
    target("sandbox_memories", sandbox_memories::a_memory_is_read_as_it_is_written, DEAREST),
    target("sandbox_requests", sandbox_requests::any_request_to_the_sandbox_is_answered, DEAR),
    target("settings", settings::a_fault_names_its_variable_and_no_secret, DEAR),
    target("traces", traces::a_trace_is_passed_on_as_it_was_told, CHEAP),
    target("web_frames", web_frames::a_page_gets_an_answer_that_it_can_read, DEAREST),
];

const fn target(name: &'static str, law: fn(&[u8]), inputs: usize) -> Target {
    Target { name, law, inputs }
}

/// The output of what waits for nothing.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match std::pin::pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
