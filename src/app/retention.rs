//! Deletes what is past its time, and shows what is. Nothing that is open is deleted: neither operations that are not finished, nor
//! webhooks that are not processed.

use super::payments::Payments;
use crate::{
    domain::{
        clock::Timestamp,
        retention::{RetainedKind, Retention},
    },
    error::Error,
    store::{Retained, Store},
    telemetry::catalogue::ROWS_PRUNED,
};

/// The most rows that one transaction deletes, so that no writer beside it waits for long.
pub const PRUNE_BATCH: u32 = 25;

impl Payments {
    /// Deletes the oldest rows of a kind that are past their time, at most [`PRUNE_BATCH`]; operations with their idempotency keys and
    /// frozen answers. Returns how many.
    ///
    /// A clock that is far ahead would delete keys that fence calls of today. So it is by this clock and by Corefy's that the
    /// retention must have begun: nothing is deleted that either of them calls too young, nor before Corefy told its time. The log of
    /// calls alone goes by this clock: it is what grows while Corefy cannot be reached.
    pub async fn prune(&self, kind: RetainedKind) -> Result<usize, Error> {
        let clock = if kind == RetainedKind::ApiCalls { Some(self.now()) } else { self.agreed_time() };
        let Some(now) = clock else { return Ok(0) };
        let before = now.before(self.retention.of(kind));
        let deleted = match kind {
            RetainedKind::ApiCalls => self.store.delete_api_calls(before, PRUNE_BATCH).await?,
            RetainedKind::Operations => self.store.delete_finished_operations(before, PRUNE_BATCH).await?,
            RetainedKind::Webhooks => self.store.delete_processed_webhooks(before, PRUNE_BATCH).await?,
            RetainedKind::Events => self.store.delete_events(before, PRUNE_BATCH).await?,
            RetainedKind::RiskDecisions => self.store.delete_risk_decisions(before, PRUNE_BATCH).await?,
            RetainedKind::AuditLog => self.store.delete_audit_rows(before, PRUNE_BATCH).await?,
            // Rows that are emptied are counted where that is known of each.
            RetainedKind::PayerData => return self.prune_payer_data(now).await,
        };
        self.count_pruned(kind, deleted);
        Ok(usize::try_from(deleted).unwrap_or(usize::MAX))
    }

    /// Whether Corefy has told its time yet, without which most kinds are not pruned.
    pub fn knows_corefys_time(&self) -> bool {
        self.upstream.last_told_time().is_some()
    }

    /// The earlier of this clock and Corefy's; `None` before Corefy told its time.
    fn agreed_time(&self) -> Option<Timestamp> {
        self.upstream.last_told_time().map(|corefys| self.now().min(corefys))
    }

    /// Deletes subjects and counters of BINs that risk has counted for long enough, at most [`PRUNE_BATCH`] of each. Returns how many,
    /// and counts the subjects that are to be looked at yet as one. By the same two clocks as above: what is deleted too early is
    /// card testing that is not noticed.
    pub async fn prune_risk_counters(&self) -> Result<usize, Error> {
        let Some(now) = self.agreed_time() else { return Ok(0) };
        let subjects = self.prune_risk_subjects(now).await?;
        let counters = self.store.delete_risk_bin_counters(now, PRUNE_BATCH).await?;
        Ok(usize::try_from(subjects + counters).unwrap_or(usize::MAX))
    }

    /// Counts what was pruned of a kind.
    pub(super) fn count_pruned(&self, kind: RetainedKind, rows: u64) {
        self.telemetry.add(&ROWS_PRUNED, [kind.as_str()], rows);
    }

    /// Goes on with the walk of today, if it is not finished.
    async fn prune_risk_subjects(&self, now: Timestamp) -> Result<u64, Error> {
        let Some(after) = self.subject_walk.next(now) else { return Ok(0) };
        let walked = self.store.delete_risk_subjects(&after, now, PRUNE_BATCH).await?;
        let is_to_go_on = walked.next.is_some();
        self.subject_walk.reached(walked.next, now);
        Ok(walked.deleted + u64::from(is_to_go_on))
    }
}

/// The oldest of each kind, and how much of the kind is past its time at `now`.
pub async fn retained(
    store: &Store,
    retention: &Retention,
    now: Timestamp,
) -> Result<Vec<(RetainedKind, Retained)>, Error> {
    let mut session = store.read().await?;
    let mut found = Vec::new();
    for kind in RetainedKind::ALL.iter().copied() {
        found.push((kind, session.retained(kind, now.before(retention.of(kind))).await?));
    }
    Ok(found)
}
