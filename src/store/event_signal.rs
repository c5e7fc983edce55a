//! How those who wait for events hear of them: at once in the process that wrote them, and by the database's own
//! notification in every other.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::Error;

/// The channel on which PostgreSQL tells that there are new events.
pub(super) const CHANNEL: &str = "corefy_gateway_events";

/// Wakes all who read events.
#[derive(Debug)]
pub struct EventSignal(watch::Sender<()>);

impl Default for EventSignal {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl EventSignal {
    /// Events were committed.
    pub(super) fn told(&self) {
        self.0.send_replace(());
    }

    /// Changes whenever events were committed.
    pub fn readers(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Listens to PostgreSQL until the connection breaks.
pub(super) async fn hear(url: &SecretString, signal: &EventSignal) -> Result<(), Error> {
    let mut listener = PgListener::connect(url.expose_secret()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // `None`: the connection broke and was made again; what came meanwhile was missed, so look.
        listener.try_recv().await?;
        signal.told();
    }
}
