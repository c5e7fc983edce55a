//! The table of chargebacks: each is written once, and never changed.

use sqlx::any::AnyRow;

use super::{
    Error, ListPosition, ReadSession, Sealer,
    columns::{get, money, parse, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    chargeback::Chargeback,
    ids::{ChargebackId, PartnerId, PaymentIntentId},
    list_filters::ChargebackFilter,
    money::Money,
};

const TABLE: &str = "chargebacks";

/// The sums of a payment rise, so that there is one chargeback of each: a second one was decided of an intent that is not as it was.
pub(super) static INSERT: Statement = Statement {
    rank: Rank::ChargebackInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("payment_intent_id", Text),
        ("upstream_payment_id", Text),
        ("currency", Text),
        ("amount", Int),
        ("total", Int),
        ("created_at", Int),
    ],
    sql: "INSERT INTO chargebacks (id, partner_id, payment_intent_id, upstream_payment_id, currency, amount, total, created_at)
         SELECT id, partner_id, payment_intent_id, upstream_payment_id, currency, amount, total, created_at
         FROM {rows} WHERE TRUE
         ON CONFLICT (payment_intent_id, total) DO NOTHING",
};

impl ReadSession {
    /// The partner's chargebacks that the filter shows, the last made first, at most `limit`, after `after`.
    pub async fn chargebacks(
        &mut self,
        partner: &PartnerId,
        filter: &ChargebackFilter,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Vec<Chargeback>, Error> {
        let select = |later: Option<ListPosition>| filter.select(partner, later.or_else(|| after.clone()).as_ref());
        self.list(Listing::by_creation(TABLE), limit, select, read).await
    }
}

impl ChargebackFilter {
    pub(super) fn select(&self, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        ListQuery::from(TABLE)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and("payment_intent_id", "=", self.payment_intent_id.as_ref().map(PaymentIntentId::to_string))?
            .and_within("created_at", self.created)?
            .and_after_position(after)
    }
}

/// Adds a chargeback.
pub(super) fn insertion(chargeback: &Chargeback) -> Write {
    let id = chargeback.id.as_str();
    let row = RowValues::new()
        .and(id)
        .and(chargeback.partner_id.as_str())
        .and(chargeback.payment_intent_id.as_str())
        .and(chargeback.upstream_payment_id.as_deref())
        .and(chargeback.amount.currency.code())
        .and(chargeback.amount.minor)
        .and(chargeback.total.minor)
        .and(chargeback.created_at.0);
    Write::new(Rank::ChargebackInsert, id, row)
}

fn read(row: &AnyRow, _: &Sealer) -> Result<Chargeback, Error> {
    let amount = money(row)?;
    Ok(Chargeback {
        id: parse(row, "id", ChargebackId::parse)?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        payment_intent_id: parse(row, "payment_intent_id", PaymentIntentId::parse)?,
        upstream_payment_id: get(row, "upstream_payment_id")?,
        amount,
        total: Money::new(get(row, "total")?, amount.currency),
        created_at: time(row, "created_at")?,
    })
}
