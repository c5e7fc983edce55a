//! Assertions about the money of a payment.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::{
    domain::money::Currency,
    sandbox::{
        control::{
            expectations::{ExpectedMoney, MoneyDifference, MovedMoney},
            not_possible::NotPossible,
        },
        handle::Sandbox,
    },
};

/// Answers with the money that moved: 200 when it is as expected, else 409 with every difference and the nearest request.
pub(super) async fn expect(State(sandbox): State<Sandbox>, body: Bytes) -> Result<Response, ControlRefusal> {
    let mut fields = ControlFields::read(&body)?;
    let payment: Option<String> = fields.required("payment", "must be the id of a payment");
    let is_empty = fields.left().is_empty();
    let known: Option<bool> = fields.optional("known", "must be true or false");
    let of_nothing = if known == Some(false) { fields.left() } else { Vec::new() };
    let moved = payment.as_deref().map(|payment| sandbox.moved(payment));
    let currency = moved.as_ref().and_then(|moved| Currency::parse(&moved.as_ref().ok()?.currency));
    let expected = expected(&mut fields, currency);
    for field in of_nothing {
        fields.problem(&field, "must not stand beside \"known\": false: no money moves of what Corefy never heard of");
    }
    if is_empty {
        fields.problem("payment", "must stand beside something that is expected, as charged");
    }
    fields.finish()?;
    let payment = payment.unwrap_or_default();
    Ok(match moved {
        Some(Ok(moved)) if known == Some(false) => differs(&sandbox, &payment, &moved, &[is_known()]),
        Some(Ok(moved)) => compare(&sandbox, &payment, &expected, &moved),
        Some(Err(NotPossible::Missing(_))) if known == Some(false) => Json(json!({"payment": payment})).into_response(),
        Some(Err(_)) | None => never_seen(&sandbox, &payment),
    })
}

fn is_known() -> MoneyDifference {
    MoneyDifference { field: "known", expected: "false".to_owned(), actual: "true".to_owned() }
}

/// Reads what is expected; without a currency, of a payment that is not known, amounts are not looked at.
fn expected(fields: &mut ControlFields, currency: Option<Currency>) -> ExpectedMoney {
    let must = "must be a number of times";
    let mut amount = |field| match currency {
        Some(currency) => fields.amount_or_none(field, currency),
        None => fields.take(field).and(None),
    };
    let (charged, refunded, charged_back) = (amount("charged"), amount("refunded"), amount("charged_back"));
    ExpectedMoney {
        charged,
        refunded,
        charged_back,
        charges: fields.optional("charges", must),
        refunds: fields.optional("refunds", must),
        chargebacks: fields.optional("chargebacks", must),
    }
}

fn compare(sandbox: &Sandbox, payment: &str, expected: &ExpectedMoney, moved: &MovedMoney) -> Response {
    let differences = expected.differences(moved);
    if differences.is_empty() {
        return Json(json!({"payment": payment, "moved": moved})).into_response();
    }
    differs(sandbox, payment, moved, &differences)
}

fn differs(sandbox: &Sandbox, payment: &str, moved: &MovedMoney, differences: &[MoneyDifference]) -> Response {
    let about_refunds = differences.iter().all(|difference| difference.field.starts_with("refund"));
    let told = |one: &MoneyDifference| format!("{} is {}, not {}", one.field, one.actual, one.expected);
    let sentence = differences.iter().map(told).collect::<Vec<_>>().join("; ");
    let body = json!({
        "message": format!("{payment}: {sentence}"),
        "error_code": "money_differs",
        "payment": payment,
        "differences": differences,
        "moved": moved,
        "nearest_request": sandbox.nearest_request(payment, about_refunds),
    });
    (StatusCode::CONFLICT, Json(body)).into_response()
}

/// Corefy never heard of the payment: no money can be compared, and a name that is mistyped must not pass for one without money.
fn never_seen(sandbox: &Sandbox, payment: &str) -> Response {
    let body = json!({
        "message": format!("Corefy never heard of {payment}; if that is right, expect \"known\": false"),
        "error_code": "not_found",
        "payment": payment,
        "nearest_request": sandbox.nearest_request(payment, false),
    });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
