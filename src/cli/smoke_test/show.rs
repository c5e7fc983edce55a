//! Prints the walk: aligned, in colour on a terminal, without in a pipe or under `NO_COLOR`.

use std::fmt::Display;

use anstream::println;
use owo_colors::OwoColorize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::pb::next_action::Action;
use crate::pb::{PaymentIntent, PaymentIntentState, Refund, RefundState, TestConnectionResponse};

/// Width of the column of calls, states and codes: that of the longest state.
const COLUMN: usize = 23;

/// The first line of the walk.
pub fn title(target: &str) -> String {
    format!("{} {target}", "Trying the gateway at".bold())
}

/// The heading of a step.
pub fn step(number: usize, name: &str) {
    println!("\n{} {}", format_args!("{number}.").dimmed(), name.bold());
}

/// Prints that the step went as expected, and what was expected.
pub fn passed(expectation: &str) {
    println!("   {} {expectation}", "✓".green());
}

/// Prints that it did not.
pub fn failure(what: impl Display) {
    println!("   {} {}", "✗".red().bold(), what.red());
}

/// Something that the person at the terminal has to know.
pub fn note(text: &str) {
    println!("   {} {}", "•".cyan(), text.cyan());
}

/// A request: the call, and its fields that are not empty.
pub fn request(call: &str, fields: &[(&str, &str)]) {
    println!("{}", request_line(call, fields));
}

fn request_line(call: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields: Vec<_> = fields.map(|(name, value)| format!("{} {value}", name.dimmed())).collect();
    line("→", &format!("{call:COLUMN$}").blue().to_string(), &fields.join("  "))
}

/// The answer about the connection to Corefy.
pub fn connection(answer: &TestConnectionResponse) {
    let word = match (answer.reachable, answer.authenticated) {
        (true, true) => format!("{:COLUMN$}", "reachable").green().to_string(),
        (true, false) => format!("{:COLUMN$}", "not authenticated").red().to_string(),
        (false, _) => format!("{:COLUMN$}", "not reachable").red().to_string(),
    };
    let millis = answer.latency.map_or(0, |latency| latency.seconds * 1000 + i64::from(latency.nanos) / 1_000_000);
    println!("{}", line("←", &word, &format!("{}  {millis} ms", answer.message)));
}

/// A payment intent.
pub fn intent(intent: &PaymentIntent) {
    println!("{}", intent_line(intent));
}

fn intent_line(intent: &PaymentIntent) -> String {
    let mut text = format!("{}  {} {}", intent.id, intent.amount, intent.currency);
    for (word, amount) in [("received", &intent.amount_received), ("refunded", &intent.amount_refunded)] {
        if amount.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            text += &format!("  {} {amount}", word.dimmed());
        }
    }
    if let Some(error) = &intent.last_payment_error {
        let advice = error.advice().as_str_name().trim_start_matches("PAYMENT_ERROR_ADVICE_").to_lowercase();
        text += &format!("  {} {} {}", error.code.yellow(), error.message, format_args!("({advice})").dimmed());
    }
    match intent.next_action.as_ref().and_then(|next| next.action.as_ref()) {
        Some(Action::Redirect(redirect)) => text += &format!("  {} {}", "go to".dimmed(), redirect.url.underline()),
        Some(Action::Display(details)) => {
            let kind = details.kind().as_str_name().trim_start_matches("DISPLAY_DETAILS_KIND_");
            text += &format!("  {} {kind}", "show the payer".dimmed());
        }
        None => {}
    }
    line("←", &intent_state(intent.state()), &text)
}

fn intent_state(state: PaymentIntentState) -> String {
    use PaymentIntentState as S;
    let word = format!("{:COLUMN$}", state.as_str_name().trim_start_matches("PAYMENT_INTENT_STATE_"));
    match state {
        S::Succeeded => word.green().to_string(),
        S::RequiresPaymentMethod | S::PartiallyPaid | S::Canceled => word.yellow().to_string(),
        S::RequiresConfirmation | S::RequiresAction | S::Processing | S::Unspecified => word.cyan().to_string(),
    }
}

/// A refund.
pub fn refund(refund: &Refund) {
    let word = format!("{:COLUMN$}", refund.state().as_str_name().trim_start_matches("REFUND_STATE_"));
    let word = match refund.state() {
        RefundState::Succeeded => word.green().to_string(),
        RefundState::Failed | RefundState::Canceled => word.yellow().to_string(),
        RefundState::Pending | RefundState::Unspecified => word.cyan().to_string(),
    };
    println!("{}", line("←", &word, &format!("{}  {} {}", refund.id, refund.amount, refund.currency)));
}

/// An error with its details.
pub fn error(status: &Status) {
    error_lines(status).iter().for_each(|line| println!("{line}"));
}

fn error_lines(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.map_or("", |info| info.reason.as_str());
    let code = format!("{:COLUMN$}", code_name(status.code())).yellow().to_string();
    let mut lines = vec![line("←", &code, &format!("{}  {}", reason.yellow(), status.message()))];
    let mut metadata: Vec<_> = info.iter().flat_map(|info| &info.metadata).collect();
    metadata.sort();
    lines.extend(metadata.into_iter().map(|(name, value)| detail(name, value)));
    if let Some(bad_request) = details.bad_request() {
        lines.extend(bad_request.field_violations.iter().map(|wrong| detail(&wrong.field, &wrong.description)));
    }
    if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        lines.push(detail("retry in", &format!("{delay:?}")));
    }
    lines
}

/// The name of a code as the gRPC documentation writes it.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for (at, letter) in format!("{code:?}").char_indices() {
        if at > 0 && letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn line(arrow: &str, column: &str, text: &str) -> String {
    format!("   {} {column}  {text}", arrow.dimmed())
}

fn detail(name: &str, value: &str) -> String {
    line(" ", &format!("{name:COLUMN$}").dimmed().to_string(), value)
}

/// A card's number with its first six and last four digits.
pub fn masked(number: &str) -> String {
    match (number.get(..6), number.len().checked_sub(4).and_then(|at| number.get(at..))) {
        (Some(first), Some(last)) if number.len() >= 12 => format!("{first}••••••{last}"),
        _ => "••••".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::PaymentError;
    use std::collections::HashMap;
    use std::time::Duration;
    use tonic_types::ErrorDetails;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_card_shows_its_first_six_and_last_four_digits() {
        assert_eq!(masked("4111111111111111"), "411111••••••1111");
        assert_eq!(masked("41111111111"), "••••");
        assert_eq!(masked(""), "••••");
    }

    #[test]
    fn requests_and_answers_are_aligned() {
        let request = plain(&request_line("GetPaymentIntent", &[("id", "pi_1"), ("empty", "")]));
        assert_eq!(request, "   → GetPaymentIntent         id pi_1");
        let intent = PaymentIntent {
            id: "pi_1".to_owned(),
            state: PaymentIntentState::RequiresPaymentMethod.into(),
            amount: "100.00".to_owned(),
            currency: "USD".to_owned(),
            amount_received: "0.00".to_owned(),
            amount_refunded: "25.00".to_owned(),
            last_payment_error: Some(PaymentError {
                code: "insufficient_funds".to_owned(),
                message: "Too little money.".to_owned(),
                payer_message: String::new(),
                advice: 3,
            }),
            ..Default::default()
        };
        assert_eq!(
            plain(&intent_line(&intent)),
            "   ← REQUIRES_PAYMENT_METHOD  pi_1  100.00 USD  refunded 25.00  insufficient_funds Too little money. \
             (use_another_method)"
        );
    }

    #[test]
    fn an_error_shows_its_reason_metadata_violations_and_delay() {
        let mut details = ErrorDetails::with_error_info(
            "FIELDS_INVALID",
            "corefy-gateway",
            HashMap::from([("request_id".to_owned(), "r1".to_owned())]),
        );
        details
            .add_bad_request_violation("billing_address.country", "must be a country")
            .set_retry_info(Some(Duration::from_secs(2)));
        let status = tonic::Status::with_error_details(Code::InvalidArgument, "fields are wrong", details);
        let lines: Vec<_> = error_lines(&status).iter().map(|line| plain(line)).collect();
        assert_eq!(
            lines,
            [
                "   ← INVALID_ARGUMENT         FIELDS_INVALID  fields are wrong",
                "     request_id               r1",
                "     billing_address.country  must be a country",
                "     retry in                 2s",
            ]
        );
    }
}
