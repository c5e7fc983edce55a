//! The table of customers.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, Sealer, Tracked,
    columns::{get, optional_time, parse, time},
    object_write::{ObjectRanks, object_write},
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    customer::Customer,
    ids::{CustomerId, PartnerId},
    payment_intent::PaymentIntent,
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::CustomerInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("upstream_id", Text),
        ("reference_id", Text),
        ("details", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
        ("erased_at", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO customers (id, partner_id, upstream_id, reference_id, details, created_at, updated_at,
             erased_at, revision)
         SELECT id, partner_id, upstream_id, reference_id, details, created_at, updated_at, erased_at, revision
         FROM {rows} WHERE TRUE
         ON CONFLICT (partner_id, reference_id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    rank: Rank::CustomerUpdate,
    columns: &[
        ("id", Text),
        ("upstream_id", Text),
        ("details", Bytes),
        ("updated_at", Int),
        ("erased_at", Int),
        ("revision", Int),
        ("read_revision", Int),
    ],
    sql: "UPDATE customers SET upstream_id = new.upstream_id, details = new.details, updated_at = new.updated_at,
             erased_at = new.erased_at, revision = new.revision
         FROM {rows}
         WHERE customers.id = new.id AND customers.revision = new.read_revision AND new.revision > new.read_revision",
};

pub(super) static DELETE: Statement = Statement {
    rank: Rank::CustomerDelete,
    columns: &[("id", Text), ("read_revision", Int)],
    sql: "DELETE FROM customers WHERE (id, revision) IN (SELECT new.id, new.read_revision FROM {rows})",
};

impl ReadSession {
    /// The customer, if it is the partner's.
    pub async fn customer(&mut self, partner: &PartnerId, id: &CustomerId) -> Result<Option<Customer>, Error> {
        Ok(self.customer_any(id).await?.filter(|customer| customer.partner_id == *partner))
    }

    /// The intent's customer, when it has one.
    pub async fn customer_of(&mut self, intent: &PaymentIntent) -> Result<Option<Customer>, Error> {
        match &intent.customer_id {
            Some(id) => self.customer(&intent.partner_id, id).await,
            None => Ok(None),
        }
    }

    /// The customer, of any partner.
    pub async fn customer_any(&mut self, id: &CustomerId) -> Result<Option<Customer>, Error> {
        let query = sqlx::query("SELECT * FROM customers WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// The customers that have this id at Corefy, which may know several of ours, of several partners, as one: the oldest
    /// ones, at most `limit`.
    pub async fn customers_upstream(&mut self, upstream: &str, limit: u32) -> Result<Vec<Customer>, Error> {
        let query = sqlx::query("SELECT * FROM customers WHERE upstream_id = $1 ORDER BY id LIMIT +$2");
        let rows = query.bind(upstream).bind(i64::from(limit)).fetch_all(self.connection()).await?;
        self.shared.readable("customers", &rows, read)
    }

    /// The customer, to be decided about.
    pub async fn customer_tracked(&mut self, id: &CustomerId) -> Result<Option<Tracked<Customer>>, Error> {
        let customer = self.customer_any(id).await?;
        Ok(customer.map(|customer| {
            let revision = customer.revision;
            Tracked::stored(customer, revision)
        }))
    }

    /// The id of the partner's customer with this reference.
    pub async fn customer_id_referenced(
        &mut self,
        partner: &PartnerId,
        reference: &str,
    ) -> Result<Option<CustomerId>, Error> {
        let query = sqlx::query("SELECT id FROM customers WHERE partner_id = $1 AND reference_id = $2");
        let row = query.bind(partner.as_str()).bind(reference).fetch_optional(self.by_key()).await?;
        row.map(|row| parse(&row, "id", CustomerId::parse)).transpose()
    }
}

/// The row that the customer needs.
pub(super) fn write(customer: &Tracked<Customer>, sealer: &Sealer) -> Result<Option<Write>, Error> {
    let insertion = |customer: &Customer| insertion(customer, sealer);
    let update = |customer: &Customer, read_revision: i64| Ok(update(customer, sealer)?.and(read_revision));
    object_write(customer, customer.id.as_str(), &RANKS, insertion, update)
}

const RANKS: ObjectRanks =
    ObjectRanks { insert: Rank::CustomerInsert, update: Rank::CustomerUpdate, delete: Rank::CustomerDelete };

fn insertion(customer: &Customer, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(customer.id.as_str(), "details", &customer.details)?;
    Ok(RowValues::new()
        .and(customer.id.as_str())
        .and(customer.partner_id.as_str())
        .and(customer.upstream_id.as_deref())
        .and(customer.reference_id.as_deref())
        .and(&details[..])
        .and(customer.created_at.0)
        .and(customer.updated_at.0)
        .and(customer.erased_at.map(|time| time.0))
        .and(customer.revision))
}

/// Everything of a customer that can change.
fn update(customer: &Customer, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(customer.id.as_str(), "details", &customer.details)?;
    Ok(RowValues::new()
        .and(customer.id.as_str())
        .and(customer.upstream_id.as_deref())
        .and(&details[..])
        .and(customer.updated_at.0)
        .and(customer.erased_at.map(|time| time.0))
        .and(customer.revision))
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<Customer, Error> {
    let id = parse(row, "id", CustomerId::parse)?;
    Ok(Customer {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        upstream_id: get(row, "upstream_id")?,
        reference_id: get(row, "reference_id")?,
        details: sealer.open(id.as_str(), "details", &get::<Vec<u8>>(row, "details")?)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        erased_at: optional_time(row, "erased_at")?,
        revision: get(row, "revision")?,
        id,
    })
}
