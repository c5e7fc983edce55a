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

/// The most operations that one transaction deletes, so that no writer beside it waits for long.
pub const PRUNE_BATCH: u32 = 500;

impl Payments {
    /// Deletes the oldest operations that finished before their retention began, at most [`PRUNE_BATCH`], with their
    /// idempotency keys and frozen answers. Returns how many.
    ///
    /// A clock that is far ahead would delete keys that fence calls of today. So it is by this clock and by Corefy's that the
    /// retention must have begun: nothing is deleted that either of them calls too young, nor before Corefy told its time.
    pub async fn prune_operations(&self) -> Result<usize, Error> {
        let Some(corefys) = self.upstream.last_told_time() else { return Ok(0) };
        let finished_before = self.now().min(corefys).before(self.retention.operations);
        let count = self.store.delete_finished_operations(finished_before, PRUNE_BATCH).await?;
        self.count_pruned(RetainedKind::Operations, count);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Whether Corefy has told its time yet, without which most kinds are not pruned.
    pub fn knows_corefys_time(&self) -> bool {
        self.upstream.last_told_time().is_some()
    }

    /// Deletes what risk has counted for long enough: of its decisions, its subjects and its counters of BINs at most
    /// [`PRUNE_BATCH`] each. Returns how many rows, and counts the subjects that are to be looked at yet as one. By the same two
    /// clocks as above: what is deleted too early is card testing that is not noticed.
    pub async fn prune_risk(&self) -> Result<usize, Error> {
        let Some(corefys) = self.upstream.last_told_time() else { return Ok(0) };
        let now = self.now().min(corefys);
        let decisions =
            self.store.delete_risk_decisions(now.before(self.retention.risk_decisions), PRUNE_BATCH).await?;
        self.count_pruned(RetainedKind::RiskDecisions, decisions);
        let subjects = self.prune_risk_subjects(now).await?;
        let counters = self.store.delete_risk_bin_counters(now, PRUNE_BATCH).await?;
        Ok(usize::try_from(decisions + subjects + counters).unwrap_or(usize::MAX))
    }

    /// Deletes the oldest processed webhooks, events and entries of the audit log that are past their time, at most [`PRUNE_BATCH`] of
    /// each. Returns how many. By the same two clocks as above.
    pub async fn prune_history(&self) -> Result<usize, Error> {
        let Some(corefys) = self.upstream.last_told_time() else { return Ok(0) };
        let before = |kind| self.now().min(corefys).before(self.retention.of(kind));
        let webhooks = self.store.delete_processed_webhooks(before(RetainedKind::Webhooks), PRUNE_BATCH).await?;
        self.count_pruned(RetainedKind::Webhooks, webhooks);
        let events = self.store.delete_events(before(RetainedKind::Events), PRUNE_BATCH).await?;
        self.count_pruned(RetainedKind::Events, events);
        let audited = self.store.delete_audit_rows(before(RetainedKind::AuditLog), PRUNE_BATCH).await?;
        self.count_pruned(RetainedKind::AuditLog, audited);
        Ok(usize::try_from(webhooks + events + audited).unwrap_or(usize::MAX))
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
