//! The timeline of one payment: what the journal, the log of calls, the webhooks and the events have of it, in one order.

use super::{
    call::Caller,
    gateway::Diagnostics,
    paging::{Page, Paged},
};
use crate::{
    domain::{
        ids::{PartnerId, PaymentIntentId},
        timeline::{TimelineEntry, TimelineOf, TimelinePlace},
    },
    error::Error,
    store::{self, ReadSession, Store},
};

mod entries;

pub use entries::Placed;

impl Diagnostics {
    /// A page of the timeline of a payment of the partner's, oldest first.
    pub async fn get_timeline(
        &self,
        caller: &Caller,
        of: &TimelineOf,
        page: Page,
    ) -> Result<Paged<TimelineEntry>, Error> {
        let tokens = self.page_tokens.of(caller, ("timeline", of));
        let after = tokens.read(&page.token)?.and_then(|place| TimelinePlace::parse(&place));
        let found = timeline(&self.store, Some(&caller.partner_id), of, after.as_ref(), page.size + 1).await?;
        let found = found.ok_or_else(|| match of {
            TimelineOf::Payment(id) => Error::not_found("payment_intent", id.as_str()),
            TimelineOf::Refund(id) => Error::not_found("refund", id.as_str()),
        })?;
        let placed = found.into_iter().map(|Placed { entry, place }| (entry, place.to_string())).collect();
        let Paged { items, next_page_token } = tokens.page(placed, page.size, |(_, place)| place.as_str());
        Ok(Paged { items: items.into_iter().map(|(entry, _)| entry).collect(), next_page_token })
    }
}

/// The timeline of a payment of `partner`, or of anybody's, after this place, at most `limit` entries. `None`: there is no
/// such payment.
pub async fn timeline(
    store: &Store,
    partner: Option<&PartnerId>,
    of: &TimelineOf,
    after: Option<&TimelinePlace>,
    limit: u32,
) -> Result<Option<Vec<Placed>>, store::Error> {
    let mut session = store.read().await?;
    let id = match of {
        TimelineOf::Payment(id) => Some(id.clone()),
        TimelineOf::Refund(id) => session.refund_any(id).await?.map(|refund| refund.payment_intent_id),
    };
    let Some(id) = id else { return Ok(None) };
    let intent = session.payment_intent_any(&id).await?;
    if intent.is_none_or(|intent| partner.is_some_and(|partner| intent.partner_id != *partner)) {
        return Ok(None);
    }
    entries_of(&mut session, &id, partner.is_none(), after, limit).await.map(Some)
}

/// The first entries of each kind, merged: none of a later page comes before them.
async fn entries_of(
    session: &mut ReadSession,
    id: &PaymentIntentId,
    is_operator: bool,
    after: Option<&TimelinePlace>,
    limit: u32,
) -> Result<Vec<Placed>, store::Error> {
    let mut placed: Vec<Placed> = Vec::new();
    placed.extend(session.operations_begun(id, after, limit).await?.iter().map(entries::of_beginning));
    placed.extend(session.operations_ended(id, after, limit).await?.iter().map(entries::of_end));
    placed.extend(session.api_calls_of(id, after, limit).await?.iter().map(entries::of_call));
    placed.extend(session.webhooks_of(id, after, limit).await?.iter().map(entries::of_webhook));
    placed.extend(session.events_of(id, after, limit).await?.iter().map(entries::of_event));
    let decisions = session.risk_decisions_of(id, after, limit).await?;
    placed.extend(decisions.iter().map(|decision| entries::of_decision(decision, is_operator)));
    placed.sort_by(|one, other| one.place.cmp(&other.place));
    placed.truncate(limit as usize);
    Ok(placed)
}
