//! Statistics of the calls to Corefy, counted by the database: per operation and span of time.

use std::{collections::HashMap, time::Duration};

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession,
    columns::{get, time},
};
use crate::domain::{
    api_call::{ApiCallStats, Percentiles},
    clock::Timestamp,
    ids::PartnerId,
};

/// How many codes are shown of one operation in one span, the most frequent ones.
const MOST_CODES: usize = 10;

/// Which calls are counted, and in which spans.
#[derive(Clone, Debug)]
pub struct StatsRange {
    /// Only of this operation.
    pub operation: Option<String>,
    /// Sent at this moment or later.
    pub created_from: Timestamp,
    /// Sent before this moment.
    pub created_before: Timestamp,
    /// How long a span is: more than nothing. Spans begin at whole multiples of it since 1970.
    pub span: Duration,
}

impl ReadSession {
    /// The partner's calls, counted. Oldest span first, then by operation; spans without calls are left out.
    pub async fn api_call_stats(
        &mut self,
        partner: &PartnerId,
        range: &StatsRange,
    ) -> Result<Vec<ApiCallStats>, Error> {
        let latencies = self.counted(LATENCIES, partner, range).await?;
        let codes = self.counted(CODES, partner, range).await?;
        let mut codes = by_span(&codes)?;
        latencies.iter().map(|row| read(row, &mut codes)).collect()
    }

    async fn counted(
        &mut self,
        sql: &'static str,
        partner: &PartnerId,
        range: &StatsRange,
    ) -> Result<Vec<AnyRow>, Error> {
        let query = sqlx::query(sql)
            .bind(partner.as_str())
            .bind(range.created_from.0)
            .bind(range.created_before.0)
            .bind(i64::try_from(range.span.as_micros()).unwrap_or(i64::MAX))
            .bind(range.operation.as_deref().unwrap_or_default());
        Ok(query.fetch_all(self.connection()).await?)
    }
}

/// Percentiles by nearest rank: the first of the sorted latencies that this percentage does not exceed.
const LATENCIES: &str = "WITH placed AS (
         SELECT operation, created_at / $4 AS span, outcome, latency,
             ROW_NUMBER() OVER (PARTITION BY operation, created_at / $4 ORDER BY latency) * 100 AS place,
             COUNT(*) OVER (PARTITION BY operation, created_at / $4) AS calls
         FROM api_calls
         WHERE partner_id = $1 AND created_at >= $2 AND created_at < $3 AND ($5 = '' OR operation = $5))
     SELECT operation, span * $4 AS start, COUNT(*) AS calls,
         COUNT(CASE WHEN outcome = 'succeeded' THEN 1 END) AS succeeded,
         MIN(CASE WHEN place >= calls * 50 THEN latency END) AS p50,
         MIN(CASE WHEN place >= calls * 95 THEN latency END) AS p95,
         MIN(CASE WHEN place >= calls * 99 THEN latency END) AS p99
     FROM placed GROUP BY operation, span ORDER BY span, operation";

const CODES: &str = "SELECT operation, created_at / $4 * $4 AS start, error_code, COUNT(*) AS calls
     FROM api_calls
     WHERE partner_id = $1 AND created_at >= $2 AND created_at < $3 AND ($5 = '' OR operation = $5)
         AND error_code IS NOT NULL
     GROUP BY operation, created_at / $4, error_code ORDER BY COUNT(*) DESC, error_code";

/// The codes of one operation in the span that begins then.
type Codes = HashMap<(String, i64), Vec<(String, u64)>>;

fn by_span(rows: &[AnyRow]) -> Result<Codes, Error> {
    let mut codes = Codes::new();
    for row in rows {
        let of_span = codes.entry((get(row, "operation")?, get(row, "start")?)).or_default();
        if of_span.len() < MOST_CODES {
            of_span.push((get(row, "error_code")?, count(row, "calls")?));
        }
    }
    Ok(codes)
}

fn read(row: &AnyRow, codes: &mut Codes) -> Result<ApiCallStats, Error> {
    let (operation, start): (String, _) = (get(row, "operation")?, time(row, "start")?);
    let latency = |name| Ok::<_, Error>(Duration::from_micros(count(row, name)?));
    Ok(ApiCallStats {
        calls: count(row, "calls")?,
        succeeded: count(row, "succeeded")?,
        latency: Percentiles { p50: latency("p50")?, p95: latency("p95")?, p99: latency("p99")? },
        error_codes: codes.remove(&(operation.clone(), start.0)).unwrap_or_default(),
        operation,
        start,
    })
}

/// The column `name`, which counts or measures something.
fn count(row: &AnyRow, name: &str) -> Result<u64, Error> {
    get::<i64>(row, name).map(i64::unsigned_abs)
}
