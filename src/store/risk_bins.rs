//! The table of the counters of BINs, to which is added: too many attempts have the same BIN for a row that is read, changed
//! and written.

use super::{
    Error, Store,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    ids::Ids,
    risk::{
        buckets::BucketLength,
        counted_attempt::CountedAttempt,
        outcome::{OutcomeKind, RiskOutcome},
        velocity::Window,
    },
};

/// Counts attempts, which say their BIN, and declines, whose decision has it. One statement for both, because they may add to the
/// same row. A decline that is known already is not counted again: this runs before the outcome is written.
pub(super) static ADD: Statement = Statement {
    rank: Rank::RiskBinAdd,
    columns: &[
        ("bin", Text),
        ("declined", Text),
        ("resolution", Text),
        ("bucket", Int),
        ("shard", Int),
        ("attempts", Int),
        ("declines", Int),
        ("amount", Int),
        ("expires_at", Int),
    ],
    sql: "INSERT INTO risk_bin_counters (bin, resolution, bucket, shard, attempts, declines, amount, expires_at)
         SELECT COALESCE(new.bin, decision.bin) AS of_bin, new.resolution, new.bucket, new.shard,
             CAST(SUM(new.attempts) AS BIGINT), CAST(SUM(new.declines) AS BIGINT), CAST(SUM(new.amount) AS BIGINT),
             MAX(new.expires_at)
         FROM {rows} LEFT JOIN risk_decisions AS decision ON decision.id = new.declined
         WHERE COALESCE(new.bin, decision.bin) IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM risk_outcomes WHERE decision_id = new.declined AND outcome = 'declined')
         GROUP BY of_bin, new.resolution, new.bucket, new.shard
         ORDER BY of_bin, new.resolution, new.bucket, new.shard
         ON CONFLICT (bin, resolution, bucket, shard) DO UPDATE SET
             attempts = risk_bin_counters.attempts + excluded.attempts,
             declines = risk_bin_counters.declines + excluded.declines,
             amount = risk_bin_counters.amount + excluded.amount",
};

/// The buckets of a BIN, each with the longest window that it counts within.
const BUCKETS: [(BucketLength, Window); 2] =
    [(BucketLength::FiveMinutes, Window::Hour), (BucketLength::ThreeHours, Window::Week)];
/// The most that one attempt adds to an amount, so that no sum of them is too large for its column.
const MOST_AMOUNT: i64 = 10_000_000_000_000;

/// The shards, of which each gateway takes one by chance. Two that meet wait for each other, and count right.
const SHARDS: u8 = 64;

/// The shard of a gateway that is started.
pub(super) fn shard(ids: &Ids) -> i64 {
    i64::from(ids.uuid().as_bytes()[15] % SHARDS)
}

pub(super) const DELETE: &str = "DELETE FROM risk_bin_counters WHERE (bin, resolution, bucket, shard) IN
     (SELECT bin, resolution, bucket, shard FROM risk_bin_counters WHERE expires_at <= $1
      ORDER BY expires_at LIMIT +$2)";

impl Store {
    /// Deletes counters that no window has any more, at most `limit`. Returns how many.
    pub async fn delete_risk_bin_counters(&self, now: Timestamp, limit: u32) -> Result<u64, Error> {
        self.execute(sqlx::query(DELETE).bind(now.0).bind(i64::from(limit))).await
    }
}

/// Counts an attempt that is let through, if it has a BIN.
pub(super) fn attempt(attempt: &CountedAttempt, shard: i64) -> Vec<Write> {
    attempts(attempt, attempt.decision_id.as_str(), 1, shard)
}

/// Takes back an attempt that was not made. Every shard is added up, so that it need not be the one that it was counted in.
pub(super) fn attempt_taken_back(attempt: &CountedAttempt, shard: i64) -> Vec<Write> {
    attempts(attempt, &format!("{}/taken_back", attempt.decision_id), -1, shard)
}

fn attempts(attempt: &CountedAttempt, id: &str, count: i64, shard: i64) -> Vec<Write> {
    let Some(bin) = attempt.bin.as_deref() else { return Vec::new() };
    let amount = attempt.base_amount.map_or(0, |amount| amount.clamp(0, MOST_AMOUNT));
    let start = || RowValues::new().and(bin).and(None::<&str>);
    additions(id, start, [count, 0, count * amount], attempt.at, shard)
}

/// Counts a decline.
pub(super) fn decline(outcome: &RiskOutcome, shard: i64) -> Vec<Write> {
    if outcome.kind != OutcomeKind::Declined {
        return Vec::new();
    }
    let start = || RowValues::new().and(None::<&str>).and(outcome.decision_id.as_str());
    additions(outcome.decision_id.as_str(), start, [0, 1, 0], outcome.at, shard)
}

/// The additions to each bucket. The id of each row is of its decision: rows of several commits may add to one counter.
fn additions(
    id: &str,
    start: impl Fn() -> RowValues,
    [attempts, declines, amount]: [i64; 3],
    at: Timestamp,
    shard: i64,
) -> Vec<Write> {
    let addition = |(length, window): (BucketLength, Window)| {
        let row = start()
            .and(length.as_str())
            .and(length.number(at))
            .and(shard)
            .and(attempts)
            .and(declines)
            .and(amount)
            .and((length.end(at) + window.length()).0);
        Write::new(Rank::RiskBinAdd, &format!("{id}/{}", length.as_str()), row)
    };
    BUCKETS.into_iter().map(addition).collect()
}
