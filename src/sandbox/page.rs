//! The page on which a payer approves or declines a 3-D Secure challenge, in place of the bank's, and the one on which they
//! pay by QR code, voucher or transfer.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use super::{payment::SandboxStatus, shared::SandboxInner};

pub(super) fn router() -> Router<Arc<SandboxInner>> {
    Router::new()
        .route("/", get(welcome))
        .route("/3ds/{intent}", get(show).post(decide))
        .route("/pay/{intent}", get(show).post(decide))
}

#[derive(Deserialize)]
struct PageAnswer {
    decision: Decision,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approve,
    Decline,
}

/// The page for a person who opens the address of the sandbox.
async fn welcome() -> Response {
    page(
        StatusCode::OK,
        "<h1>Corefy's sandbox</h1><p>A Corefy for tests: no money moves.</p>\
         <p>See <a href=/_sandbox/ledger>the ledger</a> of what would have moved, \
         <a href=/_sandbox/payments>the payments</a> and <a href=/_sandbox/requests>the requests</a>.</p>\
         <p>Tests control it by <a href=/_sandbox/openapi.yaml>these calls</a>.</p>\
         <p class=note>Test cards and test refunds: docs/sandbox.md</p>",
    )
}

async fn show(State(shared): State<Arc<SandboxInner>>, Path(id): Path<String>) -> Response {
    let content = shared.with_state(|state| {
        let payment = state.kept.intents.get(&id)?;
        let amount = format!("{} {}", payment.amount, payment.amount.currency.code());
        let about = escape(payment.description.as_deref().unwrap_or("No description"));
        Some(match payment.status {
            SandboxStatus::RequiresAction => question(&amount, &about, payment.shown.is_some()),
            status => result(&amount, status),
        })
    });
    match content {
        Some(content) => page(StatusCode::OK, &content),
        None => page(StatusCode::NOT_FOUND, "<h1>No such payment</h1>"),
    }
}

async fn decide(
    State(shared): State<Arc<SandboxInner>>,
    Path(id): Path<String>,
    Form(PageAnswer { decision }): Form<PageAnswer>,
) -> Response {
    shared.complete_action(&id, decision == Decision::Approve);
    // By how the payment stands, not by the answer: it may have come too late to change that.
    let link = shared.with_state(|state| {
        let payment = state.kept.intents.get(&id)?;
        let failed = || payment.failure_url.clone().or_else(|| payment.callback_url.clone());
        let link = match payment.status {
            SandboxStatus::Failed(_) | SandboxStatus::Canceled => failed(),
            _ => payment.callback_url.clone(),
        };
        // After paying elsewhere there is no shop to go back to.
        link.filter(|_| payment.shown.is_none()).or_else(|| Some(state.page_of(payment)))
    });
    go_to(&link.unwrap_or_else(|| format!("/3ds/{}", escape(&id))))
}

/// Sends the browser on to a link, in the form in which a header can carry any.
pub(super) fn go_to(link: &str) -> Response {
    Redirect::to(&utf8_percent_encode(link, CONTROLS).to_string()).into_response()
}

fn question(amount: &str, about: &str, is_elsewhere: bool) -> String {
    let (title, yes, no) = match is_elsewhere {
        true => ("Make your payment", "Pay", "Do not pay"),
        false => ("Confirm your payment", "Approve", "Decline"),
    };
    format!(
        "<h1>{title}</h1><p class=amount>{amount}</p><p>{about}</p>\
         <form method=post><button name=decision value=approve>{yes}</button>\
         <button class=quiet name=decision value=decline>{no}</button></form>\
         <p class=note>This is Corefy's sandbox. No money moves.</p>"
    )
}

fn result(amount: &str, status: SandboxStatus) -> String {
    let word = status.word().replace('_', " ");
    format!("<h1>Nothing to confirm</h1><p class=amount>{amount}</p><p role=status>The payment is {word}.</p>")
}

/// A page of the sandbox's.
pub(super) fn page(status: StatusCode, content: &str) -> Response {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;background:#eef1f6;color:#1a2233;margin:0}\
        main{max-width:22rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px;box-shadow:0 8px 32px #1a22331f}\
        h1{font-size:1.25rem;margin:0}.amount{font-size:2rem;font-weight:600;margin:.5rem 0}\
        form{display:flex;gap:.75rem;margin-top:1.5rem}\
        button{flex:1;font:inherit;padding:.7rem;border:2px solid #1d4ed8;border-radius:8px;background:#1d4ed8;color:#fff;cursor:pointer}\
        .quiet{background:#fff;color:#1d4ed8}button:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}\
        .note{font-size:.85rem;color:#525c70;margin-bottom:0}";
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Corefy sandbox</title><style>{STYLE}</style><main>{content}</main></html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// Text made harmless inside HTML and its attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
