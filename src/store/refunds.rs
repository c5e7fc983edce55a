//! The table of refunds.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, Sealer, Tracked,
    columns::{get, money, optional_time, parse, time},
    object_write::{ObjectRanks, object_write},
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    ids::{PartnerId, PaymentIntentId, RefundId},
    refund::{Refund, RefundState},
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::RefundInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("payment_intent_id", Text),
        ("upstream_id", Text),
        ("state", Text),
        ("currency", Text),
        ("amount", Int),
        ("reference_id", Text),
        ("details", Bytes),
        ("failure", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
        ("erased_at", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO refunds (id, partner_id, payment_intent_id, upstream_id, state, currency, amount, reference_id,
             details, failure, created_at, updated_at, erased_at, revision)
         SELECT id, partner_id, payment_intent_id, upstream_id, state, currency, amount, reference_id, details, failure,
             created_at, updated_at, erased_at, revision
         FROM {rows} WHERE TRUE
         ON CONFLICT (partner_id, reference_id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    rank: Rank::RefundUpdate,
    columns: &[
        ("id", Text),
        ("upstream_id", Text),
        ("state", Text),
        ("failure", Bytes),
        ("updated_at", Int),
        ("revision", Int),
        ("read_revision", Int),
    ],
    sql: "UPDATE refunds SET upstream_id = new.upstream_id, state = new.state, failure = new.failure,
             updated_at = new.updated_at, revision = new.revision
         FROM {rows} WHERE refunds.id = new.id AND refunds.revision = new.read_revision AND new.revision > new.read_revision",
};

pub(super) static DELETE: Statement = Statement {
    rank: Rank::RefundDelete,
    columns: &[("id", Text), ("read_revision", Int)],
    sql: "DELETE FROM refunds WHERE (id, revision) IN (SELECT new.id, new.read_revision FROM {rows})",
};

impl ReadSession {
    /// The refund, if it is the partner's.
    pub async fn refund(&mut self, partner: &PartnerId, id: &RefundId) -> Result<Option<Refund>, Error> {
        Ok(self.refund_any(id).await?.filter(|refund| refund.partner_id == *partner))
    }

    /// The refund, of any partner.
    pub async fn refund_any(&mut self, id: &RefundId) -> Result<Option<Refund>, Error> {
        let query = sqlx::query("SELECT * FROM refunds WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// The id of the partner's refund with this reference.
    pub async fn refund_id_referenced(
        &mut self,
        partner: &PartnerId,
        reference: &str,
    ) -> Result<Option<RefundId>, Error> {
        let query = sqlx::query("SELECT id FROM refunds WHERE partner_id = $1 AND reference_id = $2");
        let row = query.bind(partner.as_str()).bind(reference).fetch_optional(self.by_key()).await?;
        row.map(|row| parse(&row, "id", RefundId::parse)).transpose()
    }

    /// Every refund of one payment, oldest first. Bounded by the payment itself: each takes at least one minor unit. One that
    /// cannot be read fails them all: what is left of the payment is counted by them.
    pub async fn refunds_of(&mut self, payment: &PaymentIntentId) -> Result<Vec<Tracked<Refund>>, Error> {
        let query =
            sqlx::query("SELECT * FROM refunds WHERE payment_intent_id = $1 ORDER BY id").bind(payment.as_str());
        let rows = query.fetch_all(self.connection()).await?;
        rows.iter().map(|row| tracked(row, &self.shared.sealer)).collect()
    }
}

fn tracked(row: &AnyRow, sealer: &Sealer) -> Result<Tracked<Refund>, Error> {
    let refund = read(row, sealer)?;
    let revision = refund.revision;
    Ok(Tracked::stored(refund, revision))
}

/// The row that the refund needs.
pub(super) fn write(refund: &Tracked<Refund>, sealer: &Sealer) -> Result<Option<Write>, Error> {
    let insertion = |refund: &Refund| insertion(refund, sealer);
    let update = |refund: &Refund, read_revision: i64| Ok(update(refund, sealer)?.and(read_revision));
    object_write(refund, refund.id.as_str(), &RANKS, insertion, update)
}

const RANKS: ObjectRanks =
    ObjectRanks { insert: Rank::RefundInsert, update: Rank::RefundUpdate, delete: Rank::RefundDelete };

fn insertion(refund: &Refund, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(refund.id.as_str(), "details", &refund.details)?;
    let failure = sealer.seal(refund.id.as_str(), "failure", &refund.failure)?;
    Ok(RowValues::new()
        .and(refund.id.as_str())
        .and(refund.partner_id.as_str())
        .and(refund.payment_intent_id.as_str())
        .and(refund.upstream_id.as_deref())
        .and(refund.state.as_str())
        .and(refund.amount.currency.code())
        .and(refund.amount.minor)
        .and(refund.reference_id.as_deref())
        .and(&details[..])
        .and(&failure[..])
        .and(refund.created_at.0)
        .and(refund.updated_at.0)
        .and(refund.erased_at.map(|time| time.0))
        .and(refund.revision))
}

/// Everything of a refund that can change.
fn update(refund: &Refund, sealer: &Sealer) -> Result<RowValues, Error> {
    let failure = sealer.seal(refund.id.as_str(), "failure", &refund.failure)?;
    Ok(RowValues::new()
        .and(refund.id.as_str())
        .and(refund.upstream_id.as_deref())
        .and(refund.state.as_str())
        .and(&failure[..])
        .and(refund.updated_at.0)
        .and(refund.revision))
}

/// Everything of a refund that an erasure empties.
pub(super) fn emptied(refund: &Refund, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(refund.id.as_str(), "details", &refund.details)?;
    let failure = sealer.seal(refund.id.as_str(), "failure", &refund.failure)?;
    Ok(RowValues::new()
        .and(refund.id.as_str())
        .and(&details[..])
        .and(&failure[..])
        .and(refund.erased_at.map(|time| time.0))
        .and(refund.revision))
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<Refund, Error> {
    let id = parse(row, "id", RefundId::parse)?;
    Ok(Refund {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        payment_intent_id: parse(row, "payment_intent_id", PaymentIntentId::parse)?,
        upstream_id: get(row, "upstream_id")?,
        state: parse(row, "state", RefundState::parse)?,
        amount: money(row)?,
        reference_id: get(row, "reference_id")?,
        details: sealer.open(id.as_str(), "details", &get::<Vec<u8>>(row, "details")?)?,
        failure: sealer.open(id.as_str(), "failure", &get::<Vec<u8>>(row, "failure")?)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        erased_at: optional_time(row, "erased_at")?,
        revision: get(row, "revision")?,
        id,
    })
}
