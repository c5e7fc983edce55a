//! One request's way: read, authenticated, found, carried out, answered, unless a fault is in the way.

use std::sync::Arc;
use std::time::Duration;

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    HANG_TIME, Shared,
    answer::{Done, Halt, Refusal},
    auth::{authenticate, hmac_hex},
    connection::Scissors,
    faults::Fault,
    lock, page,
    route::{Call, Route},
    view,
};
use crate::upstream::intents::wire::Amount;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;
/// The longest delay of answers that can be asked for.
const MAX_ANSWER_DELAY_MS: u64 = 60_000;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().merge(page::router()).merge(view::router()).fallback(serve).with_state(shared)
}

/// Every call of the contract comes through here.
async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let call = match receive(&shared, request).await {
        Ok(call) => call,
        Err(refusal) => return answer(Done::from(&refusal)),
    };
    lock(&shared.journal).note(shared.clock.now(), &call);
    let switches = shared.faults.switches();
    let planned = shared.faults.take(call.route.template());
    if let Some(fault) = planned.filter(|fault| !fault.executes()) {
        return suffer(fault, &call, None, &scissors, &shared).await;
    }
    let done = match shared.with_state(|state| state.carry_out(&call, &switches)) {
        Ok(done) => done,
        Err(Halt::Refused(refusal)) => Done::from(&refusal),
        Err(Halt::Fault(fault)) => return suffer(fault, &call, None, &scissors, &shared).await,
    };
    tokio::time::sleep(Duration::from_millis(switches.answer_delay_ms.min(MAX_ANSWER_DELAY_MS))).await;
    match planned.or(done.fault) {
        Some(fault) => suffer(fault, &call, Some(done), &scissors, &shared).await,
        None => answer(done),
    }
}

/// Reads and checks a request.
async fn receive(shared: &Shared, request: Request) -> Result<Call, Refusal> {
    let (parts, body) = request.into_parts();
    let too_large = |_| Refusal::new(413, "body_too_large", "the body is too large");
    let body: Bytes = to_bytes(body, MAX_BODY).await.map_err(too_large)?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    authenticate(&shared.settings, shared.clock.now(), &parts.headers, (method, path, &body))?;
    let header = |name| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    Ok(Call {
        route: Route::find(method, path).ok_or_else(|| Refusal::not_found("path"))?,
        path: path.to_owned(),
        idempotency_key: header("idempotency-key"),
        traceparent: header("traceparent"),
        tracestate: header("tracestate"),
        fingerprint: hmac_hex(&shared.settings.secret_key, &body),
        body,
    })
}

/// Answers as the fault has it; `done` is the true answer, if the request was executed.
async fn suffer(fault: Fault, call: &Call, done: Option<Done>, scissors: &Scissors, shared: &Shared) -> Response {
    match fault {
        Fault::Http(status) | Fault::HttpAfterExecute(status) => failed(status),
        Fault::QuoteCard => answer(Done::from(&quoting_the_card(&call.body))),
        Fault::DropBefore | Fault::DropAfterExecute => cut(scissors),
        Fault::Hang | Fault::HangAfterExecute => {
            tokio::select! {
                () = tokio::time::sleep(HANG_TIME) => {}
                () = shared.shutdown.cancelled() => {}
            }
            cut(scissors)
        }
        Fault::Garbage => ([(header::CONTENT_TYPE, "text/html")], "<html>502 upstream sent no").into_response(),
        Fault::NoRoute => {
            (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html")], "<html>404 no route</html>").into_response()
        }
        Fault::WrongAmount => match done {
            Some(done) => answer(Done { body: one_more(&done.body).unwrap_or(done.body), ..done }),
            None => cut(scissors),
        },
    }
}

fn cut(scissors: &Scissors) -> Response {
    scissors.cut();
    StatusCode::OK.into_response()
}

fn failed(status: u16) -> Response {
    let refusal = Refusal::new(status, "simulated", "this failure was asked for");
    let mut response = answer(Done::from(&refusal));
    if status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn answer(done: Done) -> Response {
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], done.body).into_response()
}

/// What a careless Corefy says of a card: its number, with the field when the request has it, else in the message.
fn quoting_the_card(body: &[u8]) -> Refusal {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = [&request, &request["data"]].into_iter().find_map(|fields| fields["card_number"].as_str());
    let message = format!("the card {} cannot be used", number.unwrap_or("4111 1111 1111 1111"));
    let mut refusal = Refusal::new(422, "validation_error", &message);
    if number.is_some() {
        refusal.body.errors.insert("card_number".to_owned(), vec![message]);
    }
    refusal
}

/// The body with an amount that is 1 major unit more; `None` when it has none.
fn one_more(body: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(body).ok()?;
    let amount: Amount = serde_json::from_value(value.get("amount")?.clone()).ok()?;
    value["amount"] = serde_json::to_value(Amount(amount.0 + rust_decimal::Decimal::ONE)).ok()?;
    serde_json::to_string(&value).ok()
}
