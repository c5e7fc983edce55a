//! Writes of webhooks: those that come in, and the result of processing one. All that wait are written in one
//! transaction, one transaction at a time, so that a flood of webhooks leaves the database to the calls.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::App;
use crate::{
    domain::clock::Timestamp,
    error::{Error, Reason},
    store::{self, Tx, WebhookRecord},
};

/// How many are written together at most: what takes a few milliseconds.
const TOGETHER: usize = 128;

/// One change of a webhook's row.
pub(super) enum WebhookChange {
    /// A webhook came in.
    Arrived(WebhookRecord),
    /// It was processed, or is to be tried again then.
    Tried(WebhookRecord, Option<Timestamp>),
}

impl WebhookChange {
    /// Names the row that is changed.
    fn row(&self) -> &str {
        let (Self::Arrived(webhook) | Self::Tried(webhook, _)) = self;
        &webhook.body_hash
    }
}

/// Changes that wait. As many as there are webhooks on open connections or in the hands of their worker, both of
/// which are bounded.
#[derive(Default)]
pub(super) struct WebhookWrites(Mutex<WriteQueue>);

#[derive(Default)]
struct WriteQueue {
    waiting: VecDeque<QueuedChange>,
    /// Whether a task writes what waits.
    has_writer: bool,
}

struct QueuedChange {
    change: WebhookChange,
    reply: oneshot::Sender<Result<bool, store::Error>>,
}

/// The right to write the queue. A change that still waits when it is given up is reported as not written.
struct QueueWriter<'a>(&'a WebhookWrites);

impl WebhookWrites {
    /// Adds a change. `true`: nobody writes yet.
    fn add(&self, entry: QueuedChange) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(entry);
        !std::mem::replace(&mut queue.has_writer, true)
    }

    fn queue(&self) -> MutexGuard<'_, WriteQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueWriter<'_> {
    /// The next changes; when there are none, the next that come need another writer.
    fn next(&self) -> Vec<QueuedChange> {
        let mut queue = self.0.queue();
        let count = queue.waiting.len().min(TOGETHER);
        queue.has_writer = count > 0;
        queue.waiting.drain(..count).collect()
    }
}

impl Drop for QueueWriter<'_> {
    fn drop(&mut self) {
        // After the last change another writer may be at work already.
        if std::thread::panicking() {
            *self.0.queue() = WriteQueue::default();
        }
    }
}

impl App {
    /// Writes a change; returns when it is durable. `false`: a webhook that came before.
    pub(super) async fn write_webhook(&self, change: WebhookChange) -> Result<bool, Error> {
        let (reply, response) = oneshot::channel();
        if self.webhook_writes.add(QueuedChange { change, reply }) {
            let app = self.clone();
            // A task of its own: a caller may give up waiting for its change, but others' changes are written with it.
            self.tasks.spawn(async move { app.write_webhooks().await });
        }
        let lost = |_| Error::new(Reason::StoreUnavailable, "the webhook was not written");
        Ok(response.await.map_err(lost)??)
    }

    async fn write_webhooks(&self) {
        let writer = QueueWriter(&self.webhook_writes);
        loop {
            let mut entries = writer.next();
            if entries.is_empty() {
                return;
            }
            // In one order, so that two gateways which write the same rows never wait for each other.
            entries.sort_by(|one, other| one.change.row().cmp(other.change.row()));
            self.write_together(entries).await;
        }
    }

    /// Writes changes together. When one of them cannot be written, each is written alone.
    async fn write_together(&self, entries: Vec<QueuedChange>) {
        match self.try_to_write(&entries).await {
            Ok(written) => {
                for (entry, is_new) in entries.into_iter().zip(written) {
                    // Nobody listens when the sender has hung up.
                    let _ = entry.reply.send(Ok(is_new));
                }
            }
            Err(error) if entries.len() > 1 && error.is_of_its_rows() => {
                for entry in entries {
                    Box::pin(self.write_together(vec![entry])).await;
                }
            }
            Err(error) => {
                let same = error.share();
                entries.into_iter().for_each(|entry| drop(entry.reply.send(Err(same()))));
            }
        }
    }

    async fn try_to_write(&self, entries: &[QueuedChange]) -> Result<Vec<bool>, store::Error> {
        let mut tx = self.store.begin().await?;
        let mut written = Vec::with_capacity(entries.len());
        for entry in entries {
            written.push(write(&mut tx, &entry.change).await?);
        }
        tx.commit().await?;
        Ok(written)
    }
}

async fn write(tx: &mut Tx, change: &WebhookChange) -> Result<bool, store::Error> {
    match change {
        WebhookChange::Arrived(webhook) => tx.webhook_insert(webhook).await,
        WebhookChange::Tried(webhook, next_attempt_at) => {
            tx.webhook_update(webhook, *next_attempt_at).await.map(|()| true)
        }
    }
}
