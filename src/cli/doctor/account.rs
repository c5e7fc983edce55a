//! Checks the account at Corefy: what it can be paid by, and where its webhooks go.

use std::collections::BTreeSet;

use super::findings::Findings;
use crate::{
    config::{Config, UpstreamApi},
    domain::{money::Currency, payment_method::SupportedPaymentMethod},
    http::WEBHOOK_PATHS,
    upstream::{Priority, Scheduling, Upstream},
};

/// Types of payment methods that are named; of more, only the number.
const MOST_NAMED: usize = 8;

/// Asks what the account can be paid by, and compares it with the currencies that the gateway is set to accept.
pub(super) async fn check_payment_methods(upstream: &dyn Upstream, config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "account";
    let methods = match upstream.supported_payment_methods(None, Scheduling::of(Priority::Read)).await {
        Ok(methods) => methods,
        Err(error) => return findings.warn(SUBJECT, &format!("its payment methods could not be read: {error}")),
    };
    if methods.is_empty() {
        return findings
            .warn(SUBJECT, "it names no payment method; have some enabled at Corefy, or set COREFY_SERVICES");
    }
    findings.passed(SUBJECT, &format!("it can be paid by {}", named(&methods)));
    let missing = missing_currencies(&methods, &config.currencies);
    if !missing.is_empty() {
        let text = format!("GATEWAY_CURRENCIES has {}, in which the account has no payment method", missing.join(", "));
        findings.warn(SUBJECT, &text);
    }
}

/// Checks where the API in use is told to send its webhooks, where it can be told.
pub(super) fn check_callback(config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "callbacks";
    let UpstreamApi::Commerce(commerce) = &config.upstream.api else { return };
    match &commerce.callback_url {
        Some(url) if WEBHOOK_PATHS.contains(&url.path()) => {
            findings.passed(SUBJECT, &format!("Corefy is told to send them to {url}"));
        }
        Some(url) => {
            let text = format!(
                "COREFY_CALLBACK_URL: {url} is no address of a gateway's webhooks; they are taken at {}",
                WEBHOOK_PATHS[0]
            );
            findings.warn(SUBJECT, &text);
        }
        None => findings.passed(
            SUBJECT,
            "they go where the account is set to; set COREFY_CALLBACK_URL to have each payment name this gateway",
        ),
    }
}

/// The types of methods with their currencies, for people.
fn named(methods: &[SupportedPaymentMethod]) -> String {
    let one = |method: &SupportedPaymentMethod| match &method.currencies[..] {
        [] => method.kind.clone(),
        currencies => format!("{} ({})", method.kind, currencies.join(", ")),
    };
    let names = methods.iter().take(MOST_NAMED).map(one).collect::<Vec<_>>().join(", ");
    match methods.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => format!("{names} and {more} more"),
        _ => names,
    }
}

/// The currencies that are to be accepted and that no method has. A method without currencies has all.
fn missing_currencies(methods: &[SupportedPaymentMethod], accepted: &[Currency]) -> Vec<&'static str> {
    if methods.iter().any(|method| method.currencies.is_empty()) {
        return Vec::new();
    }
    let known: BTreeSet<_> = methods.iter().flat_map(|method| &method.currencies).map(String::as_str).collect();
    accepted.iter().map(|currency| currency.code()).filter(|code| !known.contains(code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(kind: &str, currencies: &[&str]) -> SupportedPaymentMethod {
        let currencies = currencies.iter().map(|code| (*code).to_owned()).collect();
        SupportedPaymentMethod { kind: kind.to_owned(), name: String::new(), currencies }
    }

    #[test]
    fn methods_are_named_with_their_currencies_and_a_long_list_is_cut() {
        assert_eq!(named(&[method("card", &["EUR", "USD"]), method("ideal", &[])]), "card (EUR, USD), ideal");
        let many = vec![method("x", &[]); MOST_NAMED + 2];
        assert!(named(&many).ends_with("x, x and 2 more"));
        assert!(named(&many[..MOST_NAMED]).ends_with("x, x"));
    }

    #[test]
    fn a_currency_that_no_method_has_is_missing() {
        let accepted = ["EUR", "USD"].map(|code| Currency::parse(code).unwrap());
        assert_eq!(missing_currencies(&[method("card", &["EUR"])], &accepted), ["USD"]);
        assert!(missing_currencies(&[method("card", &["EUR"]), method("ideal", &[])], &accepted).is_empty());
    }
}
