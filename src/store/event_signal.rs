//! How those who wait for events hear of them: at once in the process that wrote them, and by the database's own
//! notification in every other.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};

use super::Error;

/// The channel on which PostgreSQL tells that events were ordered.
pub(super) const CHANNEL: &str = "corefy_gateway_events";

/// Wakes the one who orders events, and all who read them.
#[derive(Debug)]
pub struct EventSignal {
    unordered: Notify,
    ordered: watch::Sender<()>,
}

impl Default for EventSignal {
    fn default() -> Self {
        Self { unordered: Notify::new(), ordered: watch::Sender::new(()) }
    }
}

impl EventSignal {
    /// Events were committed, ordered already or not.
    pub(super) fn written(&self, are_ordered: bool) {
        if are_ordered { self.ordered() } else { self.unordered.notify_one() }
    }

    /// Events were ordered.
    pub(super) fn ordered(&self) {
        self.ordered.send_replace(());
    }

    /// Returns when this process has committed events that are not ordered yet.
    pub async fn wait_for_unordered(&self) {
        self.unordered.notified().await;
    }

    /// Changes whenever events were ordered.
    pub fn readers(&self) -> watch::Receiver<()> {
        self.ordered.subscribe()
    }
}

/// Listens to PostgreSQL until the connection breaks.
pub(super) async fn hear(url: &SecretString, signal: &EventSignal) -> Result<(), Error> {
    let mut listener = PgListener::connect(url.expose_secret()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // `None`: the connection broke and was made again; what came meanwhile was missed, so look.
        listener.try_recv().await?;
        signal.ordered();
    }
}
