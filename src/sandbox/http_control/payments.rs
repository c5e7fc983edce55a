//! Payments: read, and moved on without a request of the merchant's. Each answers with the payment as it stands then.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::{
    domain::money::{Currency, Money},
    sandbox::{control::not_possible::NotPossible, handle::Sandbox},
    upstream::intents::wire::WireIntent,
};

type PaymentAnswer = Result<Json<WireIntent>, ControlRefusal>;

/// The payer's answer.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PayerAnswer {
    Approve,
    Decline,
}

pub(super) async fn list(State(sandbox): State<Sandbox>) -> Json<Vec<WireIntent>> {
    Json(sandbox.payments())
}

pub(super) async fn read(State(sandbox): State<Sandbox>, Path(name): Path<String>) -> PaymentAnswer {
    Ok(Json(sandbox.payment(&name)?))
}

pub(super) async fn settle(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> PaymentAnswer {
    change(&sandbox, &name, &body, Sandbox::settle_payment)
}

pub(super) async fn charge_late(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> PaymentAnswer {
    change(&sandbox, &name, &body, Sandbox::charge_late)
}

pub(super) async fn cancel(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> PaymentAnswer {
    change(&sandbox, &name, &body, Sandbox::cancel)
}

pub(super) async fn expire(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> PaymentAnswer {
    change(&sandbox, &name, &body, Sandbox::expire)
}

pub(super) async fn complete(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> PaymentAnswer {
    let mut fields = ControlFields::read(&body)?;
    let answer: Option<PayerAnswer> = fields.optional("answer", "must be approve or decline");
    fields.finish()?;
    sandbox.complete_action(&name, answer.is_none_or(|answer| answer == PayerAnswer::Approve))?;
    Ok(Json(sandbox.payment(&name)?))
}

pub(super) async fn charge_back(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> PaymentAnswer {
    let amount = amount_in(&sandbox, &name, &body)?;
    match amount {
        Some(amount) => sandbox.charge_back(&name, amount.minor)?,
        None => sandbox.charge_back_all(&name)?,
    }
    Ok(Json(sandbox.payment(&name)?))
}

pub(super) async fn refund(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> PaymentAnswer {
    let amount = amount_in(&sandbox, &name, &body)?;
    match amount {
        Some(amount) => sandbox.refund_from_dashboard(&name, amount.minor)?,
        None => sandbox.refund_all_from_dashboard(&name)?,
    };
    Ok(Json(sandbox.payment(&name)?))
}

fn change(
    sandbox: &Sandbox,
    name: &str,
    body: &Bytes,
    work: impl FnOnce(&Sandbox, &str) -> Result<(), NotPossible>,
) -> PaymentAnswer {
    ControlFields::none(body)?;
    work(sandbox, name)?;
    Ok(Json(sandbox.payment(name)?))
}

/// The field `amount`, in the currency of the payment.
fn amount_in(sandbox: &Sandbox, name: &str, body: &Bytes) -> Result<Option<Money>, ControlRefusal> {
    let currency = Currency::parse(&sandbox.payment(name)?.currency);
    let mut fields = ControlFields::read(body)?;
    let amount = currency.and_then(|currency| fields.amount("amount", currency));
    fields.finish()?;
    Ok(amount)
}
