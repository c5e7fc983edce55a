//! The columns of events: of a payment or a refund with its sums as they were then, so that they are a ledger of all changes.

use super::{
    cell::{
        Cell,
        ColumnType::{Decimal, Integer, Text, Time},
    },
    columns::Column,
};
use crate::domain::{
    event::{Event, EventObject},
    ids::OperationId,
    money::Money,
    payment_intent::PaymentIntent,
    refund::Refund,
};

pub(super) static COLUMNS: &[Column<Event>] = &[
    Column::always("partner_id", Text, |it| Cell::Text(it.partner_id.as_str())),
    Column::always("id", Text, |it| Cell::Text(it.id.as_str())),
    Column::always("sequence", Integer, |it| Cell::Integer(it.sequence)),
    Column::always("type", Text, |it| Cell::Text(&it.kind)),
    Column::always("object_id", Text, |it| Cell::Text(it.object.id())),
    Column::maybe("payment_intent_id", Text, |it| Cell::text(payment_intent_id(it))),
    Column::maybe("operation_id", Text, |it| Cell::text(it.operation_id.as_ref().map(OperationId::as_str))),
    Column::maybe("state", Text, |it| Cell::text(state(it))),
    Column::maybe("currency", Text, |it| Cell::text(amount(it).map(|amount| amount.currency.code()))),
    Column::maybe("amount", Decimal, |it| Cell::money(amount(it))),
    Column::maybe("received", Decimal, |it| Cell::money(sum(it, |intent| intent.received))),
    Column::maybe("refunded", Decimal, |it| Cell::money(sum(it, |intent| intent.refunded))),
    Column::maybe("refund_pending", Decimal, |it| Cell::money(sum(it, |intent| intent.refund_pending))),
    Column::maybe("charged_back", Decimal, |it| Cell::money(sum(it, |intent| intent.charged_back))),
    Column::maybe("revision", Integer, |it| revision(it).map_or(Cell::Nothing, Cell::Integer)),
    Column::always("created_at", Time, |it| Cell::Time(it.created_at)),
];

fn payment(event: &Event) -> Option<&PaymentIntent> {
    match &event.object {
        EventObject::PaymentIntent(intent) => Some(intent),
        _ => None,
    }
}

fn refund(event: &Event) -> Option<&Refund> {
    match &event.object {
        EventObject::Refund(refund) => Some(refund),
        _ => None,
    }
}

fn payment_intent_id(event: &Event) -> Option<&str> {
    let of_refund = refund(event).map(|refund| refund.payment_intent_id.as_str());
    payment(event).map(|intent| intent.id.as_str()).or(of_refund)
}

fn state(event: &Event) -> Option<&str> {
    let of_refund = refund(event).map(|refund| refund.state.as_str());
    payment(event).map(|intent| intent.state.as_str()).or(of_refund)
}

fn amount(event: &Event) -> Option<Money> {
    payment(event).map(|intent| intent.amount).or(refund(event).map(|refund| refund.amount))
}

fn sum(event: &Event, minor: fn(&PaymentIntent) -> i64) -> Option<Money> {
    payment(event).map(|intent| intent.money(minor(intent)))
}

fn revision(event: &Event) -> Option<i64> {
    payment(event).map(|intent| intent.revision).or(refund(event).map(|refund| refund.revision))
}
