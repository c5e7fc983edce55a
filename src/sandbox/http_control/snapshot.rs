//! All that a ledger knows, in one answer: what a test that failed is kept with.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::sandbox::handle::Sandbox;

pub(super) async fn read(State(sandbox): State<Sandbox>) -> Json<Value> {
    let (now, lead) = sandbox.time();
    Json(json!({
        "clock": {"now": now.to_string(), "ahead_seconds": lead.as_secs()},
        "ledger": sandbox.ledger(),
        "payments": sandbox.payments(),
        "webhooks": sandbox.webhooks(),
        "requests": sandbox.requests(),
        "switches": sandbox.faults().switches(),
    }))
}
