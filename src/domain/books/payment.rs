//! The columns of payments.

use super::{
    cell::{
        Cell,
        ColumnType::{Boolean, Decimal, Integer, Text, Time},
    },
    columns::Column,
};
use crate::domain::{ids::CustomerId, payment_intent::PaymentIntent};

pub(super) static COLUMNS: &[Column<PaymentIntent>] = &[
    Column::always("partner_id", Text, |it| Cell::Text(it.partner_id.as_str())),
    Column::always("id", Text, |it| Cell::Text(it.id.as_str())),
    Column::maybe("reference_id", Text, |it| Cell::text(it.reference_id.as_deref())),
    Column::maybe("upstream_id", Text, |it| Cell::text(it.upstream_id.as_deref())),
    Column::maybe("upstream_payment_id", Text, |it| Cell::text(it.upstream_payment_id.as_deref())),
    Column::maybe("customer_id", Text, |it| Cell::text(it.customer_id.as_ref().map(CustomerId::as_str))),
    Column::always("state", Text, |it| Cell::Text(it.state.as_str())),
    Column::always("currency", Text, |it| Cell::Text(it.amount.currency.code())),
    Column::always("amount", Decimal, |it| Cell::Decimal(it.amount.major())),
    Column::always("received", Decimal, |it| Cell::Decimal(it.money(it.received).major())),
    Column::always("refunded", Decimal, |it| Cell::Decimal(it.money(it.refunded).major())),
    Column::always("refund_pending", Decimal, |it| Cell::Decimal(it.money(it.refund_pending).major())),
    Column::always("charged_back", Decimal, |it| Cell::Decimal(it.money(it.charged_back).major())),
    Column::always("payment_method_type", Text, |it| Cell::Text(&it.details.payment_method_type)),
    Column::maybe("retrieval_reference_number", Text, |it| {
        Cell::text(it.progress.network_references.retrieval_reference_number.as_deref())
    }),
    Column::maybe("approval_code", Text, |it| Cell::text(it.progress.network_references.approval_code.as_deref())),
    Column::maybe("acquirer_reference_number", Text, |it| {
        Cell::text(it.progress.network_references.acquirer_reference_number.as_deref())
    }),
    Column::always("attempts", Integer, |it| Cell::Integer(it.progress.attempts.into())),
    Column::maybe("error_code", Text, |it| Cell::text(it.progress.last_error.as_ref().map(|it| it.code.as_str()))),
    Column::always("outcome_unknown", Boolean, |it| Cell::Boolean(it.is_outcome_unknown())),
    Column::always("sandbox", Boolean, |it| Cell::Boolean(it.sandbox)),
    Column::always("revision", Integer, |it| Cell::Integer(it.revision)),
    Column::always("created_at", Time, |it| Cell::Time(it.created_at)),
    Column::always("updated_at", Time, |it| Cell::Time(it.updated_at)),
    Column::maybe("succeeded_at", Time, |it| Cell::time(it.progress.succeeded_at)),
    Column::maybe("canceled_at", Time, |it| Cell::time(it.progress.canceled_at)),
];
