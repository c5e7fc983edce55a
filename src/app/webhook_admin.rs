//! Webhooks as an operator sees them: those that came, their outcomes, and their replay. Needs the database but not Corefy;
//! the running gateway processes the replayed ones.

use serde_json::json;

use crate::{
    domain::{
        audit::{AuditAction, AuditEntry, Note},
        environment::Environment,
        ids::WebhookId,
    },
    error::Error,
    store::{Change, CommitError, Conflict, Store, WebhookFilter, WebhookRecord},
};

/// How many webhooks are replayed in one commit.
const BATCH: u32 = 100;

/// The progress of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Webhooks that are due again.
    pub due: u64,
    /// Webhooks that are being processed at this moment, so that they were left alone.
    pub busy: u64,
}

/// The operator's commands on webhooks.
pub struct WebhookAdmin {
    store: Store,
    environment: Environment,
}

impl WebhookAdmin {
    /// On this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        Self { store, environment }
    }

    /// The newest webhooks, at most `limit`.
    pub async fn list(&self, filter: &WebhookFilter, limit: u32) -> Result<Vec<WebhookRecord>, Error> {
        Ok(self.store.read().await?.webhooks(filter, None, limit).await?)
    }

    /// How many webhooks there are.
    pub async fn count(&self, filter: &WebhookFilter) -> Result<u64, Error> {
        Ok(self.store.read().await?.webhook_count(filter).await?)
    }

    /// The webhook; `None` when there is none.
    pub async fn show(&self, id: &WebhookId) -> Result<Option<WebhookRecord>, Error> {
        Ok(self.store.read().await?.webhook(id).await?)
    }

    /// Has these webhooks processed again, newest first, and reports to `progress` after each batch. Stopped halfway, what
    /// was replayed until then stays replayed. Each commit of a replay is audited with the note.
    pub async fn replay(
        &self,
        filter: &WebhookFilter,
        note: &Note,
        mut progress: impl FnMut(Replayed),
    ) -> Result<Replayed, Error> {
        let mut replayed = Replayed::default();
        // Webhooks that come in meanwhile are processed anyway.
        let filter = WebhookFilter { before: filter.before.or(Some(self.environment.clock.now())), ..filter.clone() };
        let mut after: Option<WebhookId> = None;
        loop {
            let batch = self.store.read().await?.webhooks(&filter, after.as_ref(), BATCH).await?;
            let Some(last) = batch.last() else { return Ok(replayed) };
            after = Some(last.id.clone());
            let due = self.replay_batch(batch.clone(), note).await?;
            replayed.due += due;
            replayed.busy += batch.len() as u64 - due;
            progress(replayed);
        }
    }

    /// Has one webhook processed again. `false`: it is being processed at this moment.
    pub async fn replay_one(&self, id: &WebhookId, note: &Note) -> Result<bool, Error> {
        match self.show(id).await? {
            Some(webhook) => self.make_due(&[webhook], note).await,
            None => Ok(false),
        }
    }

    /// Has webhooks processed again, together if none of them is being processed, else each by itself; returns how many.
    async fn replay_batch(&self, batch: Vec<WebhookRecord>, note: &Note) -> Result<u64, Error> {
        if self.make_due(&batch, note).await? {
            return Ok(batch.len() as u64);
        }
        let mut due = 0;
        for webhook in batch {
            due += u64::from(self.make_due(&[webhook], note).await?);
        }
        Ok(due)
    }

    /// Has all these webhooks processed again. `false`: one is being processed at this moment, and all were left alone.
    async fn make_due(&self, webhooks: &[WebhookRecord], note: &Note) -> Result<bool, Error> {
        let now = self.environment.clock.now();
        let entry = match webhooks {
            [webhook] => self.entry(note, webhook.id.as_str()).from(&json!({"state": webhook.state.as_str()})),
            several => {
                let [newest, oldest] = [several.first(), several.last()].map(|one| one.map(|one| one.id.as_str()));
                self.entry(note, "").to(&json!({"count": several.len(), "newest": newest, "oldest": oldest}))
            }
        };
        let replays = webhooks.iter().map(|webhook| Change::WebhookReplay(Box::new(webhook.clone()), now));
        let changes = replays.chain([Change::AuditEntry(Box::new(entry))]).collect();
        match self.store.commit(&changes).await {
            Err(CommitError::Conflict(Conflict::LeaseLost)) => Ok(false),
            committed => Ok(committed.map(|()| true)?),
        }
    }

    /// The entry of the audit log for a replay of one webhook, or of several.
    fn entry(&self, note: &Note, webhook: &str) -> AuditEntry {
        let Environment { ids, clock, .. } = &self.environment;
        AuditEntry::new(ids, clock.now(), note, AuditAction::WebhookReplay, ("webhook", webhook))
    }
}
