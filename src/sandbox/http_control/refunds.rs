//! Refunds: read, and moved on by banks. Each answers with the refund as it stands then.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};

use super::{fields::ControlFields, refusals::ControlRefusal};
use crate::{sandbox::handle::Sandbox, upstream::intents::wire::WireRefund};

type RefundAnswer = Result<Json<WireRefund>, ControlRefusal>;

pub(super) async fn read(State(sandbox): State<Sandbox>, Path(name): Path<String>) -> RefundAnswer {
    Ok(Json(sandbox.refund(&name)?))
}

pub(super) async fn settle(State(sandbox): State<Sandbox>, Path(name): Path<String>, body: Bytes) -> RefundAnswer {
    ControlFields::none(&body)?;
    sandbox.settle_refund(&name)?;
    Ok(Json(sandbox.refund(&name)?))
}

pub(super) async fn return_by_bank(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> RefundAnswer {
    ControlFields::none(&body)?;
    sandbox.return_refund(&name)?;
    Ok(Json(sandbox.refund(&name)?))
}
