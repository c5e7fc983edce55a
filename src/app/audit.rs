//! The audit log: shown, verified and exported, and the settings of a gateway that starts. Decisions come into it in the commits that
//! carry them out ([`Change::AuditEntry`]).

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use serde_json::json;

use crate::{
    domain::{
        audit::{
            Actor, Anchor, AuditAction, AuditEntry, AuditFault, AuditFilter, AuditHead, AuditRecord, Note, Verification,
        },
        environment::Environment,
    },
    error::Error,
    store::{Change, Changes, Store},
};

/// How many rows are read at a time.
const PAGE: u32 = 500;

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were looked at.
    pub rows: u64,
    /// Faults that were reported.
    pub faults: u64,
    /// The head up to which it went.
    pub head: AuditHead,
}

/// The audit log. Needs the database but not Corefy.
pub struct AuditLog {
    store: Store,
    environment: Environment,
    /// The place of the last row that the gateway's log has.
    announced: AtomicI64,
}

impl AuditLog {
    /// In this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        Self { store, environment, announced: AtomicI64::new(0) }
    }

    /// The newest entries, at most `limit`.
    pub async fn list(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>, Error> {
        Ok(self.store.read().await?.audit_rows(filter, limit).await?)
    }

    /// Passes all entries to `write`, oldest first, a page at a time, and has the export audited. Returns how many there were.
    ///
    /// # Errors
    /// Also those of `write`.
    pub async fn export<E: From<Error>>(
        &self,
        filter: &AuditFilter,
        note: &Note,
        mut write: impl FnMut(&[AuditRecord]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (mut after, mut count) = (0, 0);
        loop {
            let page = self.rows_after(filter, after).await?;
            let Some(last) = page.last() else { break };
            (after, count) = (last.sequence, count + page.len() as u64);
            write(&page)?;
        }
        let what = json!({"rows": count, "actor": filter.actor, "object": filter.object, "last": after});
        self.add(note, AuditAction::AuditExport, ("audit_log", ""), |entry| entry.to(&what)).await?;
        Ok(count)
    }

    async fn rows_after(&self, filter: &AuditFilter, after: i64) -> Result<Vec<AuditRecord>, Error> {
        Ok(self.store.read().await?.audit_rows_after(filter, after, PAGE).await?)
    }

    /// Verifies every row that is kept, and the head, and reports each fault. With an anchor, also that the log has that row.
    pub async fn verify(
        &self,
        anchor: Option<&Anchor>,
        mut report: impl FnMut(&AuditFault),
    ) -> Result<Verified, Error> {
        let mut faults = 0;
        let mut report = |fault: AuditFault| {
            faults += 1;
            report(&fault);
        };
        let chain = self.store.chain();
        let mut head = self.head().await?;
        if !chain.is_sealed(&head) {
            report(AuditFault::HeadForged);
        }
        let mut verification = Verification::new(chain, &head);
        let mut is_anchored = false;
        while verification.next() <= head.sequence {
            let rows = self.rows_after(&AuditFilter::default(), verification.next() - 1).await?;
            let is_gone = rows.first().is_none_or(|first| first.sequence > verification.next());
            if verification.rows == 0 && is_gone {
                // They may have been pruned since the head was read.
                let first = head.first_sequence;
                head = self.head().await?;
                if head.first_sequence > first && chain.is_sealed(&head) {
                    verification = Verification::new(chain, &head);
                    continue;
                }
            }
            let known: Vec<_> = rows.iter().take_while(|row| row.sequence <= head.sequence).collect();
            for row in &known {
                verification.step(row).into_iter().for_each(&mut report);
                if let Some(anchor) = anchor.filter(|anchor| anchor.sequence == row.sequence) {
                    is_anchored = true;
                    if row.hash != anchor.hash {
                        report(AuditFault::AnchorDiffers(row.sequence));
                    }
                }
            }
            if known.is_empty() {
                break;
            }
        }
        verification.end(&head).into_iter().for_each(&mut report);
        if let Some(anchor) = anchor.filter(|_| !is_anchored) {
            report(AuditFault::AnchorMissing(anchor.sequence));
        }
        self.outside(&head).await?.into_iter().for_each(&mut report);
        Ok(Verified { rows: verification.rows, faults, head })
    }

    /// The faults outside of the rows that the head knows. What is added meanwhile is none.
    async fn outside(&self, head: &AuditHead) -> Result<Vec<AuditFault>, Error> {
        let mut session = self.store.read().await?;
        let Some((first, last)) = session.audit_ends().await? else { return Ok(Vec::new()) };
        let now = session.audit_head().await?;
        let before =
            (first < head.first_sequence && first < now.first_sequence).then_some(AuditFault::BeforeFirst(first));
        let beyond = (last > now.sequence).then_some(AuditFault::Beyond(now.sequence + 1));
        Ok(before.into_iter().chain(beyond).collect())
    }

    /// Has the settings of a gateway that starts audited, if they differ from those of the last start of any gateway.
    pub async fn note_settings(&self, settings: &BTreeMap<String, String>, host: &str) -> Result<(), Error> {
        let (settings, last) = (json!(settings), self.store.last_audited(AuditAction::SettingsRead).await?);
        let before = last.and_then(|last| serde_json::from_str(&last.after.unwrap_or_default()).ok());
        if before.as_ref() == Some(&settings) {
            return Ok(());
        }
        let note = Note { by: Actor::Gateway { host: host.to_owned() }, reason: String::new() };
        let with_both = |entry: AuditEntry| match &before {
            Some(before) => entry.from(before).to(&settings),
            None => entry.to(&settings),
        };
        self.add(&note, AuditAction::SettingsRead, ("settings", ""), with_both).await
    }

    /// Has the gateway's log say where the audit log ends, if that was not said yet: commands add to it that have no log of their
    /// own. Returns how many rows were added.
    pub async fn announce_head(&self) -> Result<usize, Error> {
        let head = self.head().await?;
        let last = self.announced.swap(head.sequence, Ordering::Relaxed);
        if !self.store.chain().is_sealed(&head) {
            tracing::error!("the head of the audit log was not written by a gateway with this master key");
        } else if head.sequence != last {
            let (sequence, hash) = (head.sequence, base16ct::lower::encode_string(&head.hash));
            tracing::info!(sequence, hash, "the audit log ends here");
        }
        Ok(usize::try_from(head.sequence.saturating_sub(last)).unwrap_or_default())
    }

    async fn head(&self) -> Result<AuditHead, Error> {
        Ok(self.store.read().await?.audit_head().await?)
    }

    async fn add(
        &self,
        note: &Note,
        action: AuditAction,
        object: (&'static str, &str),
        with: impl FnOnce(AuditEntry) -> AuditEntry,
    ) -> Result<(), Error> {
        let Environment { ids, clock, .. } = &self.environment;
        let entry = with(AuditEntry::new(ids, clock.now(), note, action, object));
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(())
    }
}
