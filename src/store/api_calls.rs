//! The log of calls to Corefy.

use std::{ops::DerefMut, time::Duration};

use sqlx::{Any, AnyConnection, Arguments as _, AssertSqlSafe, any::AnyArguments, any::AnyRow};

use super::{
    Error, Sealer, Session, Tx,
    row::{get, parse, parse_optional, time},
    select::Select,
};
use crate::domain::{
    api_call::{ApiCall, CallOutcome},
    clock::Timestamp,
    ids::{ApiCallId, OperationId, PartnerId, PaymentIntentId},
};

/// How many records one INSERT has: SQLite's 32766 places for values would take more.
const ROWS: usize = 64;
/// The columns, in the order in which [`bind`] fills them.
const COLUMNS: [&str; 16] = [
    "id",
    "partner_id",
    "operation",
    "method",
    "path",
    "upstream_id",
    "operation_id",
    "subject_id",
    "payment_intent_id",
    "request_id",
    "outcome",
    "http_status",
    "error_code",
    "latency",
    "exchange",
    "created_at",
];

/// Which calls a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct ApiCallFilter {
    /// Of this operation, as `payment_intent.confirm`.
    pub operation: Option<String>,
    /// About this intent's payment or one of its refunds.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// About this object of ours.
    pub subject_id: Option<String>,
    /// Made for this request.
    pub request_id: Option<String>,
    /// Only those that did not succeed.
    pub only_failed: bool,
    /// Sent at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Sent before this moment.
    pub created_before: Option<Timestamp>,
}

impl<C: DerefMut<Target = AnyConnection>> Session<C> {
    /// The calls of a partner, or of all and of nobody, newest first, at most `limit`, before the id `before`.
    pub async fn api_calls(
        &mut self,
        partner: Option<&PartnerId>,
        filter: &ApiCallFilter,
        before: Option<String>,
        limit: u32,
    ) -> Result<Vec<ApiCall>, Error> {
        let rows = Select::from("api_calls")
            .and("partner_id", "=", partner.map(ToString::to_string))?
            .and("operation", "=", filter.operation.clone())?
            .and("payment_intent_id", "=", filter.payment_intent_id.as_ref().map(ToString::to_string))?
            .and("subject_id", "=", filter.subject_id.clone())?
            .and("request_id", "=", filter.request_id.clone())?
            .and("outcome", "<>", filter.only_failed.then(|| CallOutcome::Succeeded.as_str().to_owned()))?
            .and("created_at", ">=", filter.created_from.map(|time| time.0))?
            .and("created_at", "<", filter.created_before.map(|time| time.0))?
            .and("id", "<", before)?
            .fetch(self.connection(), "id DESC", limit)
            .await?;
        rows.iter().map(|row| read(row, &self.shared.sealer)).collect()
    }
}

impl Tx {
    /// Adds calls. One that is there already is left as it is.
    pub async fn api_calls_insert(&mut self, calls: &[ApiCall]) -> Result<(), Error> {
        for some in calls.chunks(ROWS) {
            let mut arguments = AnyArguments::default();
            for call in some {
                bind(&mut arguments, call, &self.shared.sealer)?;
            }
            let sql = format!(
                "INSERT INTO api_calls ({}) VALUES {} ON CONFLICT (id) DO NOTHING",
                COLUMNS.join(", "),
                places(some.len())
            );
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Deletes those of the oldest `limit` calls that were sent before `sent_before`. Answers how many. The order of ids is
    /// that of time, so that the oldest are found without looking at others.
    pub async fn api_calls_delete(&mut self, sent_before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM api_calls WHERE created_at < $1 AND id <=
             (SELECT MAX(id) FROM (SELECT id FROM api_calls ORDER BY id LIMIT $2) AS oldest)";
        let query = sqlx::query(sql).bind(sent_before.0).bind(i64::from(limit));
        Ok(query.execute(self.connection()).await?.rows_affected())
    }
}

/// `($1, …), ($17, …)`: the places of so many rows.
fn places(rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (1..=COLUMNS.len()).map(|column| format!("${}", row * COLUMNS.len() + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn bind(arguments: &mut AnyArguments, call: &ApiCall, sealer: &Sealer) -> Result<(), Error> {
    let exchange = sealer.seal(call.id.as_str(), "exchange", &call.exchange)?;
    let latency = i64::try_from(call.latency.as_micros()).unwrap_or(i64::MAX);
    let mut put = Put(arguments);
    put.text(Some(call.id.as_str()))?;
    put.text(call.partner_id.as_ref().map(PartnerId::as_str))?;
    put.text(Some(&call.operation))?;
    put.text(Some(&call.method))?;
    put.text(Some(&call.path))?;
    put.text(call.upstream_id.as_deref())?;
    put.text(call.operation_id.as_ref().map(OperationId::as_str))?;
    put.text(call.subject_id.as_deref())?;
    put.text(call.payment_intent_id.as_ref().map(PaymentIntentId::as_str))?;
    put.text(Some(&call.request_id))?;
    put.text(Some(call.outcome.as_str()))?;
    put.value(call.http_status.map(i64::from))?;
    put.text(call.error_code.as_deref())?;
    put.value(latency)?;
    put.value(exchange)?;
    put.value(call.created_at.0)
}

/// Puts values one after the other.
struct Put<'a>(&'a mut AnyArguments);

impl Put<'_> {
    fn text(&mut self, value: Option<&str>) -> Result<(), Error> {
        self.value(value.map(str::to_owned))
    }

    fn value<'q, T: sqlx::Encode<'q, Any> + sqlx::Type<Any> + 'q>(&mut self, value: T) -> Result<(), Error> {
        Ok(self.0.add(value).map_err(sqlx::Error::Encode)?)
    }
}

fn read(row: &AnyRow, sealer: &Sealer) -> Result<ApiCall, Error> {
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
