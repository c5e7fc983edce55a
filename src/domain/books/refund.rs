//! The columns of refunds.

use super::{
    cell::{
        Cell,
        ColumnType::{Boolean, Decimal, Integer, Text, Time},
    },
    columns::Column,
};
use crate::domain::refund::Refund;

pub(super) static COLUMNS: &[Column<Refund>] = &[
    Column::always("partner_id", Text, |it| Cell::Text(it.partner_id.as_str())),
    Column::always("id", Text, |it| Cell::Text(it.id.as_str())),
    Column::always("payment_intent_id", Text, |it| Cell::Text(it.payment_intent_id.as_str())),
    Column::maybe("reference_id", Text, |it| Cell::text(it.reference_id.as_deref())),
    Column::maybe("upstream_id", Text, |it| Cell::text(it.upstream_id.as_deref())),
    Column::always("state", Text, |it| Cell::Text(it.state.as_str())),
    Column::always("currency", Text, |it| Cell::Text(it.amount.currency.code())),
    Column::always("amount", Decimal, |it| Cell::Decimal(it.amount.major())),
    Column::maybe("failure_code", Text, |it| Cell::text(it.failure.as_ref().map(|it| it.code.as_str()))),
    Column::always("outcome_unknown", Boolean, |it| Cell::Boolean(it.is_outcome_unknown())),
    Column::always("revision", Integer, |it| Cell::Integer(it.revision)),
    Column::always("created_at", Time, |it| Cell::Time(it.created_at)),
    Column::always("updated_at", Time, |it| Cell::Time(it.updated_at)),
];
