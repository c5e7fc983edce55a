//! The vacuum of PostgreSQL after erasures, so that old versions of emptied rows do not wait for the server's own.

use crate::{app::payments::Payments, error::Error, store::Vacuumed};

impl Payments {
    /// Has PostgreSQL vacuum what erasures have rewritten, if one has ended since the last time. Returns how often it did.
    pub async fn vacuum_erased(&self) -> Result<usize, Error> {
        if !self.vacuum.take(self.now()) {
            return Ok(0);
        }
        match self.store.vacuum_erased().await? {
            Vacuumed::Done => Ok(1),
            Vacuumed::NotNeeded => Ok(0),
            Vacuumed::Refused(tables) => {
                if self.vacuum.is_first_refusal() {
                    tracing::warn!(%tables, "the gateway's role does not own these tables, so it cannot vacuum what was erased");
                }
                Ok(0)
            }
        }
    }
}
