//! One request's way: read, authenticated, found, carried out, answered, unless a fault is in the way.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    answer::{Done, Halt, SandboxRefusal},
    auth::{authenticate, hmac_hex},
    commerce::{auth::authenticate_for, page as payer_pages},
    connection::ConnectionKill,
    dialect::SandboxDialect,
    faults::Fault,
    http_control,
    lock::lock,
    page,
    route::{Route, SandboxCall},
    shared::SandboxInner,
    times::HANG_TIME,
};
use crate::{domain::clock::Timestamp, upstream::intents::wire::Amount};

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;
/// The longest delay of answers that can be asked for.
const MAX_ANSWER_DELAY_MS: u64 = 60_000;

pub(super) fn router(shared: Arc<SandboxInner>) -> Router {
    Router::new()
        .merge(page::router())
        .merge(payer_pages::router())
        .merge(http_control::router())
        .fallback(serve)
        .with_state(shared)
}

/// Every call of the contract comes through here.
async fn serve(
    State(shared): State<Arc<SandboxInner>>,
    ConnectInfo(kill_switch): ConnectInfo<ConnectionKill>,
    request: Request,
) -> Response {
    let mut response = respond(&shared, &kill_switch, request).await;
    if let Ok(date) = HeaderValue::from_str(&http_date(shared.environment.clock.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// The time as a header tells it.
fn http_date(now: Timestamp) -> String {
    let since = Duration::from_secs(now.seconds().max(0).unsigned_abs());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}

async fn respond(shared: &SandboxInner, kill_switch: &ConnectionKill, request: Request) -> Response {
    let dialect = SandboxDialect::of_path(request.uri().path());
    let call = match receive(shared, dialect, request).await {
        Ok(call) => call,
        Err(refusal) => return refusal.answer(dialect).into_response(),
    };
    lock(&shared.journal).note(shared.environment.clock.now(), &call);
    let switches = shared.faults.switches();
    let planned = shared.faults.take(call.route.template());
    if let Some(fault) = planned.filter(|fault| !fault.executes()) {
        return apply_fault(fault, &call, None, kill_switch, shared).await;
    }
    let done = match shared.with_state(|state| state.carry_out(&call, &switches)) {
        Ok(done) => done,
        Err(Halt::Refused(refusal)) => refusal.answer(dialect),
        Err(Halt::Fault(fault)) => return apply_fault(fault, &call, None, kill_switch, shared).await,
    };
    tokio::time::sleep(Duration::from_millis(switches.answer_delay_ms.min(MAX_ANSWER_DELAY_MS))).await;
    match planned.or(done.fault) {
        Some(fault) => apply_fault(fault, &call, Some(done), kill_switch, shared).await,
        None => done.into_response(),
    }
}

/// Reads and checks a request.
async fn receive(
    shared: &SandboxInner,
    dialect: SandboxDialect,
    request: Request,
) -> Result<SandboxCall, SandboxRefusal> {
    let (parts, body) = request.into_parts();
    let too_large = |_| SandboxRefusal::new(413, "body_too_large", "the body is too large");
    let body: Bytes = to_bytes(body, MAX_BODY).await.map_err(too_large)?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let (clock, settings) = (&shared.environment.clock, &shared.settings);
    let route = Route::find(method, path, parts.uri.query());
    let session = match (dialect, &route) {
        (SandboxDialect::Intents, _) => {
            authenticate(settings, clock, &parts.headers, (method, path, &body))?;
            None
        }
        (SandboxDialect::Commerce, Some(Route::Commerce(route))) => {
            authenticate_for(route, &settings.commerce, clock.now(), &parts.headers, &body)?
        }
        (SandboxDialect::Commerce, _) => None,
    };
    let header = |name| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    Ok(SandboxCall {
        route: route.ok_or_else(|| SandboxRefusal::not_found("path"))?,
        path: path.to_owned(),
        idempotency_key: header("idempotency-key"),
        session,
        traceparent: header("traceparent"),
        tracestate: header("tracestate"),
        fingerprint: hmac_hex(&shared.settings.secret_key, &body),
        body,
    })
}

/// Answers as the fault has it; `done` is the true answer, if the request was executed.
async fn apply_fault(
    fault: Fault,
    call: &SandboxCall,
    done: Option<Done>,
    kill_switch: &ConnectionKill,
    shared: &SandboxInner,
) -> Response {
    let dialect = call.route.dialect();
    match fault {
        Fault::Http(status) | Fault::HttpAfterExecute(status) => answer_failed(status, dialect),
        Fault::QuoteCard => quoting_the_card(&call.body).answer(dialect).into_response(),
        Fault::DropBefore | Fault::DropAfterExecute => kill(kill_switch),
        Fault::Hang | Fault::HangAfterExecute => {
            tokio::select! {
                () = tokio::time::sleep(HANG_TIME) => {}
                () = shared.shutdown.cancelled() => {}
            }
            kill(kill_switch)
        }
        Fault::Garbage => ([(header::CONTENT_TYPE, "text/html")], "<html>502 upstream sent no").into_response(),
        Fault::NoRoute => {
            (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html")], "<html>404 no route</html>").into_response()
        }
        Fault::WrongAmount => match done {
            Some(done) => Done { body: one_more(&done.body).unwrap_or(done.body), ..done }.into_response(),
            None => kill(kill_switch),
        },
    }
}

fn kill(kill_switch: &ConnectionKill) -> Response {
    kill_switch.kill();
    StatusCode::OK.into_response()
}

fn answer_failed(status: u16, dialect: SandboxDialect) -> Response {
    let refusal = SandboxRefusal::new(status, "simulated", "this failure was asked for");
    let mut response = refusal.answer(dialect).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A refusal that quotes the card, as a careless Corefy might: with the field when the request has it, else in the
/// message.
fn quoting_the_card(body: &[u8]) -> SandboxRefusal {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = [&request, &request["data"], &request["data"]["attributes"]]
        .into_iter()
        .find_map(|fields| fields["card_number"].as_str());
    let message = format!("the card {} cannot be used", number.unwrap_or("4111 1111 1111 1111"));
    let mut refusal = SandboxRefusal::new(422, "validation_error", &message);
    if number.is_some() {
        refusal.body.errors.insert("card_number".to_owned(), vec![message]);
    }
    refusal
}

/// The body with amounts that are 1 major unit more; `None` when it has none.
fn one_more(body: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(body).ok()?;
    let fields = if value.get("amount").is_some() { &mut value } else { value.pointer_mut("/data/attributes")? };
    for name in ["amount", "payment_amount", "processed_amount"] {
        if let Some(shown) = fields.get_mut(name).filter(|shown| !shown.is_null()) {
            let amount: Amount = serde_json::from_value(shown.clone()).ok()?;
            *shown = serde_json::to_value(Amount(amount.0 + rust_decimal::Decimal::ONE)).ok()?;
        }
    }
    serde_json::to_string(&value).ok()
}
