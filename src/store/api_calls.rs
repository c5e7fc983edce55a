//! The log of calls to Corefy.

use std::time::Duration;

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, Sealer, Store,
    columns::{get, parse, parse_optional, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    api_call::{ApiCall, CallOutcome, UNREADABLE},
    clock::Timestamp,
    ids::{ApiCallId, OperationId, PartnerId, PaymentIntentId},
    list_filters::ApiCallFilter,
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::ApiCallInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("operation", Text),
        ("method", Text),
        ("path", Text),
        ("upstream_id", Text),
        ("operation_id", Text),
        ("subject_id", Text),
        ("payment_intent_id", Text),
        ("request_id", Text),
        ("outcome", Text),
        ("http_status", Int),
        ("error_code", Text),
        ("latency", Int),
        ("exchange", Bytes),
        ("created_at", Int),
    ],
    sql: "INSERT INTO api_calls (id, partner_id, operation, method, path, upstream_id, operation_id, subject_id,
             payment_intent_id, request_id, outcome, http_status, error_code, latency, exchange, created_at)
         SELECT id, partner_id, operation, method, path, upstream_id, operation_id, subject_id,
             payment_intent_id, request_id, outcome, http_status, error_code, latency, exchange, created_at
         FROM {rows} WHERE TRUE
         ON CONFLICT (id) DO NOTHING",
};

impl ReadSession {
    /// The calls of a partner, or of all and of nobody, newest first, at most `limit`, before the id `before`.
    pub async fn api_calls(
        &mut self,
        partner: Option<&PartnerId>,
        filter: &ApiCallFilter,
        before: Option<String>,
        limit: u32,
    ) -> Result<Vec<ApiCall>, Error> {
        let select = |later: Option<String>| {
            ListQuery::from("api_calls")
                .and("partner_id", "=", partner.map(ToString::to_string))?
                .and("operation", "=", filter.operation.clone())?
                .and("payment_intent_id", "=", filter.payment_intent_id.as_ref().map(ToString::to_string))?
                .and("subject_id", "=", filter.subject_id.clone())?
                .and("request_id", "=", filter.request_id.clone())?
                .and("outcome", "<>", filter.only_failed.then(|| CallOutcome::Succeeded.as_str().to_owned()))?
                .and("created_at", ">=", filter.created_from.map(|time| time.0))?
                .and("created_at", "<", filter.created_before.map(|time| time.0))?
                .and("id", "<", later.or_else(|| before.clone()))
        };
        self.list(Listing::newest("api_calls"), limit, select, read).await
    }

    /// How many calls since then had an answer with parts that could not be read. Ids ascend with time, so that no other
    /// calls are looked at.
    pub async fn api_calls_unreadable(&mut self, since: Timestamp) -> Result<u64, Error> {
        let first = format!("{}{:012x}", ApiCallId::PREFIX, since.0 / 1000);
        let query = sqlx::query("SELECT COUNT(*) AS calls FROM api_calls WHERE id >= $1 AND error_code = $2");
        let row = query.bind(first).bind(UNREADABLE).fetch_one(self.connection()).await?;
        Ok(get::<i64>(&row, "calls")?.unsigned_abs())
    }
}

impl Store {
    /// Deletes those of the oldest `limit` calls that were sent before `sent_before`. Returns how many. The order of ids is
    /// that of time, so that the oldest are found without looking at others.
    pub async fn delete_api_calls(&self, sent_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM api_calls WHERE created_at < $1 AND id <=
             (SELECT MAX(id) FROM (SELECT id FROM api_calls ORDER BY id LIMIT +$2) AS oldest)";
        self.execute(sqlx::query(sql).bind(sent_before.0).bind(i64::from(limit))).await
    }
}

pub(super) fn write(call: &ApiCall, sealer: &Sealer) -> Result<Write, Error> {
    let exchange = sealer.seal(call.id.as_str(), "exchange", &call.exchange)?;
    let row = RowValues::new()
        .and(call.id.as_str())
        .and(call.partner_id.as_ref().map(PartnerId::as_str))
        .and(call.operation.as_str())
        .and(call.method.as_str())
        .and(call.path.as_str())
        .and(call.upstream_id.as_deref())
        .and(call.operation_id.as_ref().map(OperationId::as_str))
        .and(call.subject_id.as_deref())
        .and(call.payment_intent_id.as_ref().map(PaymentIntentId::as_str))
        .and(call.request_id.as_str())
        .and(call.outcome.as_str())
        .and(call.http_status.map(i64::from))
        .and(call.error_code.as_deref())
        .and(i64::try_from(call.latency.as_micros()).unwrap_or(i64::MAX))
        .and(&exchange[..])
        .and(call.created_at.0);
    Ok(Write::new(Rank::ApiCallInsert, call.id.as_str(), row))
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<ApiCall, Error> {
    let id = parse(row, "id", ApiCallId::parse)?;
    let latency: i64 = get(row, "latency")?;
    let http_status: Option<i64> = get(row, "http_status")?;
    Ok(ApiCall {
        partner_id: parse_optional(row, "partner_id", PartnerId::parse)?,
        operation: get(row, "operation")?,
        method: get(row, "method")?,
        path: get(row, "path")?,
        upstream_id: get(row, "upstream_id")?,
        operation_id: parse_optional(row, "operation_id", OperationId::parse)?,
        subject_id: get(row, "subject_id")?,
        payment_intent_id: parse_optional(row, "payment_intent_id", PaymentIntentId::parse)?,
        request_id: get(row, "request_id")?,
        outcome: parse(row, "outcome", CallOutcome::parse)?,
        http_status: http_status.and_then(|status| u16::try_from(status).ok()),
        error_code: get(row, "error_code")?,
        latency: Duration::from_micros(latency.unsigned_abs()),
        exchange: sealer.open(id.as_str(), "exchange", &get::<Vec<u8>>(row, "exchange")?)?,
        created_at: time(row, "created_at")?,
        id,
    })
}
