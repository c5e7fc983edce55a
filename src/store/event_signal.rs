//! The signal that wakes readers of events: at once in the process that wrote them, and by the database's own
//! notification in every other.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Executor as _, Row as _, postgres::PgListener};
use tokio::sync::watch;

use super::{Error, lost};

/// The channel on which PostgreSQL tells that there are new events.
pub(super) const CHANNEL: &str = "corefy_gateway_events";

/// Wakes all readers of events.
#[derive(Debug)]
pub struct EventSignal(watch::Sender<()>);

impl Default for EventSignal {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl EventSignal {
    /// Events were committed, or may have been.
    pub fn notify(&self) {
        self.0.send_replace(());
    }

    /// Changes whenever events were committed.
    pub fn readers(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Listens to PostgreSQL until the connection breaks, or may lead to a server that is not the one that writes any longer.
pub(super) async fn listen(url: &SecretString, signal: &EventSignal) -> Result<(), Error> {
    let mut lost = lost::watch();
    lost.mark_unchanged();
    let mut listener = PgListener::connect(url.expose_secret()).await?;
    let read_only = listener.fetch_one("SELECT current_setting('transaction_read_only')").await?;
    if read_only.try_get::<String, _>(0)? != "off" {
        return Err(Error::Unreachable(lost::TAKES_NO_WRITES.to_owned()));
    }
    listener.listen(CHANNEL).await?;
    loop {
        let heard = tokio::select! {
            heard = listener.try_recv() => heard?,
            _ = lost.changed() => None,
        };
        // Also when the connection has broken: what came meanwhile was missed, so look.
        signal.notify();
        if heard.is_none() {
            return Err(Error::Unreachable("the connection that hears of events broke".to_owned()));
        }
    }
}
