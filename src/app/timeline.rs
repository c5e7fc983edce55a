//! The timeline of one payment: what the journal, the log of calls, the inbox and the events tell of it, in one order.

use super::{App, Caller};
use crate::{
    domain::{
        ids::PartnerId,
        timeline::{MAX_ENTRIES, Timeline, TimelineOf},
    },
    error::Error,
    store::{self, ApiCallFilter, Store},
};

mod entries;

use entries::Placed;

/// As many of each kind are read: all that one timeline can have.
const LIMIT: u32 = MAX_ENTRIES as u32 + 1;

impl App {
    /// The timeline of a payment of the partner's.
    pub async fn get_timeline(&self, caller: &Caller, of: &TimelineOf) -> Result<Timeline, Error> {
        let found = timeline(&self.store, Some(&caller.partner_id), of).await?;
        found.ok_or_else(|| match of {
            TimelineOf::Payment(id) => Error::not_found("payment_intent", id.as_str()),
            TimelineOf::Refund(id) => Error::not_found("refund", id.as_str()),
        })
    }
}

/// The timeline of a payment of `partner`, or of anybody's. `None`: there is no such payment.
pub async fn timeline(
    store: &Store,
    partner: Option<&PartnerId>,
    of: &TimelineOf,
) -> Result<Option<Timeline>, store::Error> {
    let mut session = store.read().await?;
    let id = match of {
        TimelineOf::Payment(id) => Some(id.clone()),
        TimelineOf::Refund(id) => session.refund_any(id).await?.map(|refund| refund.payment_intent_id),
    };
    let Some(id) = id else { return Ok(None) };
    let intent = session.payment_intent_any(&id).await?;
    let Some(intent) = intent.filter(|intent| partner.is_none_or(|partner| intent.partner_id == *partner)) else {
        return Ok(None);
    };
    let partner = &intent.partner_id;
    let refunds = session.refunds(partner, Some(&id), None, LIMIT).await?;
    let objects: Vec<_> = refunds.iter().map(|refund| refund.id.to_string()).chain([intent.id.to_string()]).collect();
    let of_payment = ApiCallFilter { payment_intent_id: Some(id.clone()), ..Default::default() };

    let mut placed: Vec<Placed> = Vec::new();
    placed.extend(session.operations_of(&id, LIMIT).await?.iter().flat_map(entries::of_operation));
    placed.extend(session.api_calls(Some(partner), &of_payment, None, LIMIT).await?.iter().map(entries::of_call));
    placed.extend(session.webhooks_of(&id, LIMIT).await?.iter().map(entries::of_webhook));
    placed.extend(session.events_of(partner, &objects, LIMIT).await?.iter().map(entries::of_event));
    Ok(Some(in_order(placed)))
}

/// The newest entries, oldest first.
fn in_order(mut placed: Vec<Placed>) -> Timeline {
    placed.sort_by(|one, other| one.place.cmp(&other.place));
    let surplus = placed.len().saturating_sub(MAX_ENTRIES);
    Timeline { entries: placed.drain(surplus..).map(|placed| placed.entry).collect(), is_truncated: surplus > 0 }
}
