//! The entries of a timeline that say what is no longer kept.

use super::entries::Placed;
use crate::domain::{
    clock::Timestamp,
    payment_intent::PaymentIntent,
    retention::{RetainedKind, Retention},
    timeline::{TimelineEntry, TimelineIds, TimelineKind, TimelinePlace},
};

/// An entry for each kind of records of which some may be missing: those that go in time, when the payment is older than what is
/// kept. They come first, in one order, whenever they are asked for.
pub(super) fn pruned(intent: &PaymentIntent, retention: &Retention, now: Timestamp) -> Vec<Placed> {
    let mut placed = Vec::new();
    for (number, kind) in RetainedKind::ALL.iter().enumerate() {
        let kept_since = now.before(retention.of(*kind));
        let Some(records) = records(*kind).filter(|_| intent.created_at < kept_since) else { continue };
        let kept_since = Timestamp::from_seconds(kept_since.seconds());
        let entry = TimelineEntry {
            at: intent.created_at,
            kind: TimelineKind::Pruned,
            sentence: format!("{records} before {kept_since} are no longer kept."),
            ids: TimelineIds { object: intent.id.to_string(), ..TimelineIds::default() },
        };
        // Before the digits of any id, which begin with those of a time.
        let place = TimelinePlace { at: entry.at, is_end: false, digits: format!("00{number:02}") };
        placed.push(Placed { entry, place });
    }
    placed
}

/// The name of the records of a kind in a timeline, if it has any.
fn records(kind: RetainedKind) -> Option<&'static str> {
    match kind {
        RetainedKind::ApiCalls => Some("Calls to Corefy"),
        RetainedKind::Operations => Some("Calls of the partner"),
        RetainedKind::Webhooks => Some("Webhooks"),
        RetainedKind::Events => Some("Changes"),
        RetainedKind::RiskDecisions => Some("Decisions about risk"),
        RetainedKind::PayerData | RetainedKind::AuditLog => None,
    }
}
