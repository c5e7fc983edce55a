//! Faults and switches: the whole of what is in force.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use serde_json::{Map, Value};

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::sandbox::{
    faults::{Planned, Switches},
    handle::Sandbox,
};

pub(super) async fn read(State(sandbox): State<Sandbox>) -> Json<Switches> {
    Json(sandbox.faults().switches())
}

/// Replaces the whole of what is in force: switches that are left out are off, and earlier plans are taken back.
pub(super) async fn replace(State(sandbox): State<Sandbox>, body: Bytes) -> Result<StatusCode, ControlRefusal> {
    let mut fields = ControlFields::read(&body)?;
    let switches = switches(&mut fields);
    let plans = plans(&mut fields);
    fields.finish()?;
    sandbox.faults().clear();
    sandbox.faults().set(|own| *own = switches);
    plans.into_iter().for_each(|planned| sandbox.faults().plan(planned));
    Ok(StatusCode::NO_CONTENT)
}

/// Reads each switch on its own, so that every one that is wrong is named.
fn switches(fields: &mut ControlFields) -> Switches {
    let given: Map<String, Value> = fields.optional("switches", "must be an object").unwrap_or_default();
    for (name, value) in &given {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<Switches>(Value::Object(alone)) {
            fields.problem(&format!("switches.{name}"), &error.to_string());
        }
    }
    serde_json::from_value(Value::Object(given)).unwrap_or_default()
}

fn plans(fields: &mut ControlFields) -> Vec<Planned> {
    let given: Vec<Value> = fields.optional("plans", "must be a list").unwrap_or_default();
    let mut plans = Vec::new();
    for (place, value) in given.into_iter().enumerate() {
        match serde_json::from_value(value) {
            Ok(planned) => plans.push(planned),
            Err(error) => fields.problem(&format!("plans[{place}]"), &error.to_string()),
        }
    }
    plans
}
