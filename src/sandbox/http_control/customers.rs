//! Customers and their saved cards, changed from elsewhere.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::sandbox::handle::Sandbox;

pub(super) async fn change(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ControlRefusal> {
    let mut fields = ControlFields::read(&body)?;
    let email: Option<String> = fields.required("email", "must be an email address");
    let own_name: Option<String> = fields.required("name", "must be a text");
    fields.finish()?;
    sandbox.change_customer(&name, &email.unwrap_or_default(), &own_name.unwrap_or_default())?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn save_card(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ControlRefusal> {
    ControlFields::none(&body)?;
    Ok(Json(json!({"id": sandbox.save_card_elsewhere(&name)?})))
}

pub(super) async fn renew_cards(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ControlRefusal> {
    let mut fields = ControlFields::read(&body)?;
    let last4: Option<String> = fields.optional("last4", "must be a text of four digits");
    let year: Option<u16> = fields.required("expiry_year", "must be a year such as 2035");
    fields.finish()?;
    let renewed = sandbox.renew_cards_of(&name, last4.as_deref(), year.unwrap_or_default())?;
    Ok(Json(json!({"renewed": renewed})))
}
