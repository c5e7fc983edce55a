//! The table of saved payment methods.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, Sealer, Tracked,
    columns::{get, optional_time, parse, parse_optional, time},
    list::Listing,
    list_query::ListQuery,
    object_write::{ObjectRanks, object_write},
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    ids::{CustomerId, PartnerId, PaymentMethodId},
    payment_method::PaymentMethod,
    risk::subject::SubjectId,
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::PaymentMethodInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("customer_id", Text),
        ("upstream_id", Text),
        ("kind", Text),
        ("card", Bytes),
        ("card_subject", Text),
        ("card_at_corefy", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
        ("deleted_at", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO payment_methods (id, partner_id, customer_id, upstream_id, kind, card, card_subject,
             card_at_corefy, created_at, updated_at, deleted_at, revision)
         SELECT id, partner_id, customer_id, upstream_id, kind, card, card_subject, card_at_corefy, created_at, updated_at,
             deleted_at, revision
         FROM {rows} WHERE TRUE
         ON CONFLICT (customer_id, upstream_id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    rank: Rank::PaymentMethodUpdate,
    columns: &[
        ("id", Text),
        ("upstream_id", Text),
        ("card", Bytes),
        ("card_subject", Text),
        ("card_at_corefy", Bytes),
        ("updated_at", Int),
        ("deleted_at", Int),
        ("revision", Int),
        ("read_revision", Int),
    ],
    sql: "UPDATE payment_methods SET upstream_id = new.upstream_id, card = new.card,
             card_subject = new.card_subject, card_at_corefy = new.card_at_corefy, updated_at = new.updated_at,
             deleted_at = new.deleted_at, revision = new.revision
         FROM {rows}
         WHERE payment_methods.id = new.id AND payment_methods.revision = new.read_revision AND new.revision > new.read_revision",
};

pub(super) static DELETE: Statement = Statement {
    rank: Rank::PaymentMethodDelete,
    columns: &[("id", Text), ("read_revision", Int)],
    sql: "DELETE FROM payment_methods WHERE (id, revision) IN (SELECT new.id, new.read_revision FROM {rows})",
};

impl ReadSession {
    /// The payment method, if it is the partner's.
    pub async fn payment_method(
        &mut self,
        partner: &PartnerId,
        id: &PaymentMethodId,
    ) -> Result<Option<PaymentMethod>, Error> {
        Ok(self.payment_method_any(id).await?.filter(|method| method.partner_id == *partner))
    }

    /// The payment method, of any partner.
    pub async fn payment_method_any(&mut self, id: &PaymentMethodId) -> Result<Option<PaymentMethod>, Error> {
        let query = sqlx::query("SELECT * FROM payment_methods WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// The customer's payment method that has this id at Corefy.
    pub async fn payment_method_upstream(
        &mut self,
        customer: &CustomerId,
        upstream: &str,
    ) -> Result<Option<Tracked<PaymentMethod>>, Error> {
        let query = sqlx::query("SELECT * FROM payment_methods WHERE customer_id = $1 AND upstream_id = $2");
        let row = query.bind(customer.as_str()).bind(upstream).fetch_optional(self.by_key()).await?;
        row.map(|row| tracked(&row, &self.shared.sealer)).transpose()
    }

    /// The payment method, to be decided about.
    pub async fn payment_method_tracked(
        &mut self,
        id: &PaymentMethodId,
    ) -> Result<Option<Tracked<PaymentMethod>>, Error> {
        let query = sqlx::query("SELECT * FROM payment_methods WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| tracked(&row, &self.shared.sealer)).transpose()
    }

    /// A customer's payment methods that are not deleted, newest first, at most `limit`, after the id `after`.
    pub async fn payment_methods(
        &mut self,
        customer: &CustomerId,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<PaymentMethod>, Error> {
        let select = |later: Option<String>| {
            ListQuery::from("payment_methods")
                .only("deleted_at IS NULL")
                .and("customer_id", "=", Some(customer.to_string()))?
                .and("id", "<", later.or_else(|| after.clone()))
        };
        self.list(Listing::newest("payment_methods"), limit, select, read).await
    }

    /// A customer's payment methods whose saving has no known outcome yet. Bounded by the calls under way or in doubt.
    pub async fn payment_methods_awaited(&mut self, customer: &CustomerId) -> Result<Vec<PaymentMethod>, Error> {
        let query =
            sqlx::query("SELECT * FROM payment_methods WHERE customer_id = $1 AND upstream_id IS NULL ORDER BY id");
        let rows = query.bind(customer.as_str()).fetch_all(self.connection()).await?;
        rows.iter().map(|row| read(row, &self.shared.sealer)).collect()
    }
}

/// The row that the payment method needs.
pub(super) fn write(method: &Tracked<PaymentMethod>, sealer: &Sealer) -> Result<Option<Write>, Error> {
    let insertion = |method: &PaymentMethod| insertion(method, sealer);
    let update = |method: &PaymentMethod, read_revision: i64| Ok(update(method, sealer)?.and(read_revision));
    object_write(method, method.id.as_str(), &RANKS, insertion, update)
}

const RANKS: ObjectRanks = ObjectRanks {
    insert: Rank::PaymentMethodInsert,
    update: Rank::PaymentMethodUpdate,
    delete: Rank::PaymentMethodDelete,
};

fn insertion(method: &PaymentMethod, sealer: &Sealer) -> Result<RowValues, Error> {
    let (card, at_corefy) = sealed(method, sealer)?;
    Ok(RowValues::new()
        .and(method.id.as_str())
        .and(method.partner_id.as_str())
        .and(method.customer_id.as_str())
        .and(method.upstream_id.as_deref())
        .and(method.kind.as_str())
        .and(&card[..])
        .and(method.card_subject.as_ref().map(SubjectId::as_str))
        .and(at_corefy.as_deref())
        .and(method.created_at.0)
        .and(method.updated_at.0)
        .and(method.deleted_at.map(|time| time.0))
        .and(method.revision))
}

/// Everything of a payment method that can change.
fn update(method: &PaymentMethod, sealer: &Sealer) -> Result<RowValues, Error> {
    let (card, at_corefy) = sealed(method, sealer)?;
    Ok(RowValues::new()
        .and(method.id.as_str())
        .and(method.upstream_id.as_deref())
        .and(&card[..])
        .and(method.card_subject.as_ref().map(SubjectId::as_str))
        .and(at_corefy.as_deref())
        .and(method.updated_at.0)
        .and(method.deleted_at.map(|time| time.0))
        .and(method.revision))
}

/// The card, and how Corefy showed it last.
fn sealed(method: &PaymentMethod, sealer: &Sealer) -> Result<(Vec<u8>, Option<Vec<u8>>), Error> {
    let id = method.id.as_str();
    let at_corefy = method.card_at_corefy.as_ref().map(|card| sealer.seal(id, "card_at_corefy", card)).transpose()?;
    Ok((sealer.seal(id, "card", &method.card)?, at_corefy))
}

pub(super) fn tracked(row: &AnyRow, sealer: &Sealer) -> Result<Tracked<PaymentMethod>, Error> {
    let method = read(row, sealer)?;
    let revision = method.revision;
    Ok(Tracked::stored(method, revision))
}

fn read(row: &AnyRow, sealer: &Sealer) -> Result<PaymentMethod, Error> {
    let id = parse(row, "id", PaymentMethodId::parse)?;
    Ok(PaymentMethod {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        customer_id: parse(row, "customer_id", CustomerId::parse)?,
        upstream_id: get(row, "upstream_id")?,
        kind: get(row, "kind")?,
        card: sealer.open(id.as_str(), "card", &get::<Vec<u8>>(row, "card")?)?,
        card_subject: parse_optional(row, "card_subject", SubjectId::parse)?,
        card_at_corefy: get::<Option<Vec<u8>>>(row, "card_at_corefy")?
            .map(|sealed| sealer.open(id.as_str(), "card_at_corefy", &sealed))
            .transpose()?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        deleted_at: optional_time(row, "deleted_at")?,
        revision: get(row, "revision")?,
        id,
    })
}
