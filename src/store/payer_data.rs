//! The walks that find payments whose payers are to be forgotten, and the payments that wait behind them.

use std::time::Duration;

use super::{
    Error, ReadSession, Store,
    columns::{get, parse, time},
    list_query::ListQuery,
};
use crate::domain::{
    clock::{CLOCK_SKEW, Timestamp},
    erasure::payer_data::PayerDataWalk,
    ids::PaymentIntentId,
};

/// A row that a walk comes by.
#[derive(Clone, Debug)]
pub struct Walked {
    /// Its id.
    pub id: String,
    /// The payment that it is, or belongs to.
    pub payment: PaymentIntentId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Whether it is known to be empty.
    pub is_empty: bool,
}

/// Payments, as a walk reads them. Whether they are empty is sealed.
const PAYMENT_INTENTS: &str =
    "(SELECT id, id AS payment_intent_id, created_at, CAST(0 AS BIGINT) AS is_empty FROM payment_intents) AS walked";
/// Refunds, as a walk reads them.
const REFUNDS: &str = "(SELECT id, payment_intent_id, created_at, CAST(CASE WHEN erased_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_empty
     FROM refunds) AS walked";

impl ReadSession {
    /// The next rows of a walk, at most `limit`, after the one that it has passed.
    pub async fn payer_data_walk(
        &mut self,
        walk: PayerDataWalk,
        passed: &str,
        limit: u32,
    ) -> Result<Vec<Walked>, Error> {
        let rows = select(walk, passed)?.fetch(self.connection(), "id", limit).await?;
        let read = |row| {
            Ok(Walked {
                id: get(row, "id")?,
                payment: parse(row, "payment_intent_id", PaymentIntentId::parse)?,
                made_at: time(row, "created_at")?,
                is_empty: get::<i64>(row, "is_empty")? != 0,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Payments that are to be looked at again by `now`, at most `limit`.
    pub async fn payer_data_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<PaymentIntentId>, Error> {
        let due = ListQuery::from("payer_data_later").and("look_at", "<=", Some(now.0))?;
        let rows = due.fetch(self.connection(), "look_at, payment_intent_id", limit).await?;
        rows.iter().map(|row| parse(row, "payment_intent_id", PaymentIntentId::parse)).collect()
    }
}

fn select(walk: PayerDataWalk, passed: &str) -> Result<ListQuery, Error> {
    let rows = match walk {
        PayerDataWalk::PaymentIntents => PAYMENT_INTENTS,
        PayerDataWalk::Refunds => REFUNDS,
    };
    ListQuery::from(rows).and("id", ">", Some(passed.to_owned()))
}

impl Store {
    /// Claims a walk for `lease`; answers the id that it has passed. `None`: another gateway is at it. A claim that ends later than
    /// any does was made by a clock that has been put back since.
    pub async fn claim_payer_data_walk(
        &self,
        walk: PayerDataWalk,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<String>, Error> {
        let sql = "UPDATE payer_data_walks SET claimed_until = $3
             WHERE walk = $1 AND (claimed_until <= $2 OR claimed_until > $4) RETURNING passed";
        let query = sqlx::query(sql).bind(walk.as_str()).bind(now.0).bind((now + lease).0);
        let rows = self.fetch(query.bind((now + lease + CLOCK_SKEW).0)).await?;
        rows.first().map(|row| get(row, "passed")).transpose()
    }

    /// Notes how far a walk has come, and ends the claim. A gateway that was overtaken changes nothing.
    pub async fn pass_payer_data(&self, walk: PayerDataWalk, from: &str, passed: &str) -> Result<(), Error> {
        let sql = "UPDATE payer_data_walks SET passed = $3, claimed_until = 0 WHERE walk = $1 AND passed = $2";
        let query = sqlx::query(sql).bind(walk.as_str()).bind(from.to_owned()).bind(passed.to_owned());
        self.execute(query).await.map(drop)
    }

    /// Has a payment looked at again at `look_at`.
    pub async fn look_at_payer_data(&self, payment: &PaymentIntentId, look_at: Timestamp) -> Result<(), Error> {
        let sql = "INSERT INTO payer_data_later (payment_intent_id, look_at) VALUES ($1, $2)
             ON CONFLICT (payment_intent_id) DO UPDATE SET look_at = excluded.look_at";
        self.execute(sqlx::query(sql).bind(payment.to_string()).bind(look_at.0)).await.map(drop)
    }

    /// Has a payment not looked at again.
    pub async fn done_with_payer_data(&self, payment: &PaymentIntentId) -> Result<(), Error> {
        let sql = "DELETE FROM payer_data_later WHERE payment_intent_id = $1";
        self.execute(sqlx::query(sql).bind(payment.to_string())).await.map(drop)
    }
}
