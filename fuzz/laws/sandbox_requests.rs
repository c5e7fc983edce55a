//! The sandbox answers any request and any form, and charges no payment for more than it is of.

use std::{cell::RefCell, collections::BTreeMap};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use corefy_gateway::{
    domain::{clock::Timestamp, environment::Environment},
    sandbox::{Sandbox, ledger::LedgerEntryKind},
    upstream::signature::sign_request,
};
use secrecy::ExposeSecret as _;
use tokio::runtime::{Builder, Runtime};

use super::{choices::Choices, corefy::NOW, gateway::sandbox_options};

/// Requests after which the sandbox is replaced by a new one.
const REQUESTS: usize = 1_000;
const METHODS: [Method; 3] = [Method::POST, Method::GET, Method::PUT];
/// Paths of the APIs, of pages and of the control, to which anything may be added.
const PATHS: [&str; 22] = [
    "/v1/payment-intents",
    "/v1/payments/",
    "/v1/refunds",
    "/v1/customers",
    "/v1/payment-methods",
    "/payment-invoices",
    "/payment-invoices/?filter[reference_id]=",
    "/api/account/balances",
    "/payment/sale",
    "/public-api/payment-prerequest",
    "/3ds/",
    "/pay/",
    "/hpp/",
    "/hpp/?cpi=",
    "/redirect/hpp/?cpi=",
    "/acs/auth",
    "/complete-auth?",
    "/_sandbox/faults",
    "/_sandbox/expect",
    "/_sandbox/payments/",
    "/_sandbox/customers/",
    "/_sandbox/webhooks/",
];
const CONTENT_TYPES: [&str; 3] = ["application/json", "application/x-www-form-urlencoded", "text/plain"];
/// The authorization of the account that the commerce API has by default.
const BASIC: &str = "Basic Y29tYV9zYW5kYm94MDEyMzQ1Njc4OTpzYW5kYm94LWNvbW1lcmNlLWFwaS1rZXk=";

thread_local! {
    static SANDBOX: RefCell<Option<(Sandbox, usize)>> = const { RefCell::new(None) };
    // By a clock that nobody waits for.
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("there is a runtime");
}

/// Takes a byte for the number of requests, and for each one for the method, the path and what is added to it, the content type,
/// and the body.
pub fn any_request_to_the_sandbox_is_answered(bytes: &[u8]) {
    SANDBOX.with(|place| {
        let kept = place.borrow_mut().take().filter(|(_, requests)| *requests < REQUESTS);
        let (sandbox, mut requests) = kept.unwrap_or_else(|| (sandbox(), 0));
        let mut choices = Choices::new(bytes);
        for _ in 0..=choices.byte() % 4 {
            let Some(request) = request(&mut choices) else { continue };
            requests += 1;
            let of = format!("{} {}", request.method(), request.uri());
            let Some(answer) = RUNTIME.with(|runtime| runtime.block_on(sandbox.call(request))) else { continue };
            assert!(!answer.status().is_server_error(), "{} to {of}", answer.status());
        }
        books_are_sound(&sandbox);
        *place.borrow_mut() = Some((sandbox, requests));
    });
}

fn sandbox() -> Sandbox {
    let environment = Environment::from_seed(Timestamp::from_seconds(NOW), 0);
    Sandbox::in_process(sandbox_options(), environment).expect("the settings are right")
}

/// A request with the credentials of both APIs. `None`: there can be none.
fn request(choices: &mut Choices<'_>) -> Option<Request<Body>> {
    let (method, path) = (choices.one(&METHODS).clone(), *choices.one(&PATHS));
    let target = format!("{path}{}", choices.text());
    let content_type = *choices.one(&CONTENT_TYPES);
    let body = choices.bytes();
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.uri_mut() = target.parse().ok()?;
    let path = request.uri().path().to_owned();
    let options = sandbox_options();
    let signature = sign_request(&options.secret_key, method.as_str(), &path, body, NOW);
    let api_key = options.api_key.expose_secret();
    let authorization = if path.starts_with("/v1/") { format!("Bearer {api_key}") } else { BASIC.to_owned() };
    *request.method_mut() = method;
    let headers = [
        ("content-type", content_type.to_owned()),
        ("x-api-key", api_key.to_owned()),
        ("x-client-key", options.client_key.expose_secret().to_owned()),
        ("x-timestamp", NOW.to_string()),
        ("x-signature", signature),
        ("authorization", authorization),
    ];
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(request)
}

/// Asserts that nothing was given back that was not received.
pub fn books_are_sound(sandbox: &Sandbox) {
    let mut balances = BTreeMap::<_, i64>::new();
    for entry in sandbox.ledger().entries {
        let balance = balances.entry(entry.intent_id.clone()).or_default();
        *balance += match entry.kind {
            LedgerEntryKind::Charge | LedgerEntryKind::RefundReturned => entry.amount.minor,
            LedgerEntryKind::Refund => -entry.amount.minor,
            LedgerEntryKind::ChargedBack => 0,
        };
        assert!(entry.amount.minor > 0 && *balance >= 0, "{entry:?}");
    }
}
