//! The view of people and of tests in other processes: `/_sandbox/…`, JSON, without credentials.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;

use super::{
    faults::{Planned, Switches},
    ledger::Ledger,
    lock::lock,
    route::SeenRequest,
    shared::SandboxInner,
};
use crate::upstream::intents::wire::WireIntent;

pub(super) fn router() -> Router<Arc<SandboxInner>> {
    Router::new()
        .route("/_sandbox/ledger", get(ledger))
        .route("/_sandbox/payments", get(payments))
        .route("/_sandbox/requests", get(requests))
        .route("/_sandbox/faults", get(switches).post(set_faults))
}

async fn ledger(State(shared): State<Arc<SandboxInner>>) -> Json<Ledger> {
    Json(shared.with_state(|state| state.ledger.clone()))
}

async fn payments(State(shared): State<Arc<SandboxInner>>) -> Json<Vec<WireIntent>> {
    Json(shared.with_state(|state| state.intents.values().map(|payment| state.show_intent(payment)).collect()))
}

async fn requests(State(shared): State<Arc<SandboxInner>>) -> Json<Vec<SeenRequest>> {
    Json(lock(&shared.journal).seen.iter().cloned().collect())
}

async fn switches(State(shared): State<Arc<SandboxInner>>) -> Json<Switches> {
    Json(shared.faults.switches())
}

/// The whole of what is to be in force: switches that are left out are off, and earlier plans are taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    switches: Switches,
    #[serde(default)]
    plans: Vec<Planned>,
}

async fn set_faults(State(shared): State<Arc<SandboxInner>>, Json(wanted): Json<Wanted>) -> StatusCode {
    shared.faults.clear();
    shared.faults.set(|switches| *switches = wanted.switches);
    for planned in wanted.plans {
        shared.faults.plan(planned);
    }
    StatusCode::NO_CONTENT
}
