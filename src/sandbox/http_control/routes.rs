//! Every call of the control, in one list: what serves is what a test compares with the document.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};

use super::{
    clock, customers, expect, faults, memory, observations, payments, refunds, refusals::ControlRefusal, snapshot,
    webhooks,
};
use crate::sandbox::{answer::SandboxRefusal, memory::MAX_MEMORY, shared::SandboxInner};

/// The document that describes these calls.
pub(in crate::sandbox) const OPENAPI: &str = include_str!("openapi.yaml");

/// A call: its method, its path, and the function that serves it.
type Control = (Method, &'static str, MethodRouter<Arc<SandboxInner>>);

/// Every call.
pub(in crate::sandbox) fn controls() -> Vec<Control> {
    let read = |path, handler| (Method::GET, path, handler);
    let change = |path, handler| (Method::POST, path, handler);
    vec![
        read("/_sandbox/openapi.yaml", get(openapi)),
        change("/_sandbox/reset", post(observations::reset)),
        change("/_sandbox/expect", post(expect::expect)),
        read("/_sandbox/clock", get(clock::read)),
        change("/_sandbox/clock", post(clock::advance)),
        read("/_sandbox/snapshot", get(snapshot::read)),
        read("/_sandbox/memory", get(memory::read)),
        change("/_sandbox/memory", post(memory::replace).layer(DefaultBodyLimit::max(MAX_MEMORY))),
        read("/_sandbox/ledger", get(observations::ledger)),
        read("/_sandbox/requests", get(observations::requests)),
        read("/_sandbox/faults", get(faults::read)),
        change("/_sandbox/faults", post(faults::replace)),
        read("/_sandbox/payments", get(payments::list)),
        read("/_sandbox/payments/{payment}", get(payments::read)),
        change("/_sandbox/payments/{payment}/settle", post(payments::settle)),
        change("/_sandbox/payments/{payment}/charge-late", post(payments::charge_late)),
        change("/_sandbox/payments/{payment}/complete", post(payments::complete)),
        change("/_sandbox/payments/{payment}/cancel", post(payments::cancel)),
        change("/_sandbox/payments/{payment}/expire", post(payments::expire)),
        change("/_sandbox/payments/{payment}/charge-back", post(payments::charge_back)),
        change("/_sandbox/payments/{payment}/refund", post(payments::refund)),
        read("/_sandbox/refunds/{refund}", get(refunds::read)),
        change("/_sandbox/refunds/{refund}/settle", post(refunds::settle)),
        change("/_sandbox/refunds/{refund}/return", post(refunds::return_by_bank)),
        change("/_sandbox/customers/{customer}/change", post(customers::change)),
        change("/_sandbox/customers/{customer}/cards", post(customers::save_card)),
        change("/_sandbox/customers/{customer}/renew-cards", post(customers::renew_cards)),
        read("/_sandbox/webhooks", get(webhooks::list)),
        change("/_sandbox/webhooks/hold", post(webhooks::hold)),
        change("/_sandbox/webhooks/release", post(webhooks::release)),
        change("/_sandbox/webhooks/wait", post(webhooks::wait)),
        change("/_sandbox/webhooks/url", post(webhooks::set_url)),
        change("/_sandbox/webhooks/{webhook}/resend", post(webhooks::resend)),
    ]
}

/// Serves the calls, and refuses every other path below `/_sandbox/`.
pub(in crate::sandbox) fn router() -> Router<Arc<SandboxInner>> {
    let routes = controls().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    routes.route("/_sandbox/{*path}", axum::routing::any(unknown)).method_not_allowed_fallback(wrong_method)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI).into_response()
}

async fn unknown() -> ControlRefusal {
    SandboxRefusal::not_found("control; /_sandbox/openapi.yaml has them all").into()
}

async fn wrong_method() -> ControlRefusal {
    SandboxRefusal::new(405, "method_not_allowed", "this path has another method; see /_sandbox/openapi.yaml").into()
}
