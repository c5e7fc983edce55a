//! The table of saved payment methods.

use sqlx::any::AnyRow;

use super::{
    Error, Sealer, Session, Tx,
    columns::{get, parse, time},
    list::Listing,
    list_query::ListQuery,
    session::Connected,
    writes::{
        ColumnType::{Bytes, Int, Text},
        RowValues, Statement,
    },
};
use crate::domain::{
    ids::{CustomerId, PartnerId, PaymentMethodId},
    payment_method::PaymentMethod,
};

pub(super) static INSERT: Statement = Statement {
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("customer_id", Text),
        ("upstream_id", Text),
        ("kind", Text),
        ("card", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO payment_methods (id, partner_id, customer_id, upstream_id, kind, card, created_at, updated_at,
             revision)
         SELECT id, partner_id, customer_id, upstream_id, kind, card, created_at, updated_at, revision
         FROM {rows} WHERE TRUE
         ON CONFLICT (customer_id, upstream_id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    columns: &[("id", Text), ("upstream_id", Text), ("card", Bytes), ("updated_at", Int), ("revision", Int)],
    sql: "UPDATE payment_methods SET upstream_id = new.upstream_id, card = new.card, updated_at = new.updated_at,
             revision = new.revision
         FROM {rows} WHERE payment_methods.id = new.id",
};

impl<C: Connected> Session<C> {
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
        let row = query.fetch_optional(self.connection().await?).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// The customer's payment method that has this id at Corefy.
    pub async fn payment_method_upstream(
        &mut self,
        customer: &CustomerId,
        upstream: &str,
    ) -> Result<Option<PaymentMethod>, Error> {
        let query = sqlx::query("SELECT * FROM payment_methods WHERE customer_id = $1 AND upstream_id = $2");
        let row = query.bind(customer.as_str()).bind(upstream).fetch_optional(self.connection().await?).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// A customer's payment methods, newest first, at most `limit`, after the id `after`.
    pub async fn payment_methods(
        &mut self,
        customer: &CustomerId,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<PaymentMethod>, Error> {
        let select = |later: Option<String>| {
            ListQuery::from("payment_methods").and("customer_id", "=", Some(customer.to_string()))?.and(
                "id",
                "<",
                later.or_else(|| after.clone()),
            )
        };
        self.list(Listing::newest("payment_methods"), limit, select, read).await
    }

    /// A customer's payment methods whose saving has no known outcome yet. Bounded by the calls under way or in doubt.
    pub async fn payment_methods_awaited(&mut self, customer: &CustomerId) -> Result<Vec<PaymentMethod>, Error> {
        let query =
            sqlx::query("SELECT * FROM payment_methods WHERE customer_id = $1 AND upstream_id IS NULL ORDER BY id");
        let rows = query.bind(customer.as_str()).fetch_all(self.connection().await?).await?;
        rows.iter().map(|row| read(row, &self.shared.sealer)).collect()
    }
}

impl Tx {
    /// The payment method, locked until the end of the transaction.
    pub async fn payment_method_lock(&mut self, id: &PaymentMethodId) -> Result<Option<PaymentMethod>, Error> {
        let sql = self.shared.dialect.locking("SELECT * FROM payment_methods WHERE id = $1");
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.writer().await?).await?;
        row.map(|row| read(&row, &self.shared.sealer)).transpose()
    }

    /// Adds a payment method. `false`: the customer has it already, by Corefy's id, and nothing was added.
    pub async fn payment_method_insert(&mut self, method: &PaymentMethod) -> Result<bool, Error> {
        let card = self.shared.sealer.seal(method.id.as_str(), "card", &method.card)?;
        let row = RowValues::new()
            .and(method.id.as_str())
            .and(method.partner_id.as_str())
            .and(method.customer_id.as_str())
            .and(method.upstream_id.as_deref())
            .and(method.kind.as_str())
            .and(&card[..])
            .and(method.created_at.0)
            .and(method.updated_at.0)
            .and(method.revision);
        self.write(&INSERT, method.id.as_str(), row).await
    }

    /// Writes back everything of a payment method that can change.
    pub async fn payment_method_update(&mut self, method: &PaymentMethod) -> Result<(), Error> {
        let card = self.shared.sealer.seal(method.id.as_str(), "card", &method.card)?;
        let row = RowValues::new()
            .and(method.id.as_str())
            .and(method.upstream_id.as_deref())
            .and(&card[..])
            .and(method.updated_at.0)
            .and(method.revision);
        self.write(&UPDATE, method.id.as_str(), row).await.map(|_| ())
    }

    /// Takes back a payment method that Corefy refused.
    pub async fn payment_method_delete(&mut self, id: &PaymentMethodId) -> Result<(), Error> {
        sqlx::query("DELETE FROM payment_methods WHERE id = $1")
            .bind(id.as_str())
            .execute(self.writer().await?)
            .await?;
        Ok(())
    }
}

fn read(row: &AnyRow, sealer: &Sealer) -> Result<PaymentMethod, Error> {
    let id = parse(row, "id", PaymentMethodId::parse)?;
    Ok(PaymentMethod {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        customer_id: parse(row, "customer_id", CustomerId::parse)?,
        upstream_id: get(row, "upstream_id")?,
        kind: get(row, "kind")?,
        card: sealer.open(id.as_str(), "card", &get::<Vec<u8>>(row, "card")?)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        revision: get(row, "revision")?,
        id,
    })
}
