//! Where a comparison that was stopped goes on.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{clock::Timestamp, ids::PartnerId, reconciliation::Totals},
    store::ListPosition,
};

/// The place, and what was found before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The end of the range; the first run has decided it.
    pub to: Timestamp,
    /// Rows of Corefy's file that are done.
    pub rows: u64,
    /// The last payment of the gateway's that is done.
    pub payment: Option<Place>,
    /// The sums of all that was found.
    pub totals: Totals,
    /// Payments that were settled.
    pub settled: u64,
}

/// A payment in the order in which they are compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// Its partner.
    pub partner: PartnerId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: String,
}

impl Cursor {
    /// The beginning of a range that ends with `to`.
    pub fn new(to: Timestamp) -> Self {
        Self { to, rows: 0, payment: None, totals: Totals::default(), settled: 0 }
    }

    /// The position in this partner's payments after which it goes on.
    pub fn position(&self, partner: &PartnerId) -> Option<ListPosition> {
        let place = self.payment.as_ref().filter(|place| place.partner == *partner)?;
        Some(ListPosition { moment: place.created_at, id: place.id.clone() })
    }

    /// Whether all payments of this partner are done. Partners are taken in order.
    pub fn is_past(&self, partner: &PartnerId) -> bool {
        self.payment.as_ref().is_some_and(|place| *partner < place.partner)
    }
}
