//! The timeline of one payment: what the journal, the log of calls, the webhooks and the events have of it, in one order.

use super::{
    call::Caller,
    gateway::Diagnostics,
    paging::{Page, Paged},
};
use crate::{
    domain::{
        clock::Timestamp,
        ids::{PartnerId, PaymentIntentId},
        payment_intent::PaymentIntent,
        retention::Retention,
        timeline::{TimelineEntry, TimelineOf, TimelinePlace},
    },
    error::Error,
    store::{self, ReadSession, Store},
};

mod entries;
mod pruned;

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
        let horizon = Horizon { retention: self.retention, now: self.clock.now() };
        let partner = Some(&caller.partner_id);
        let found = timeline(&self.store, partner, of, &horizon, after.as_ref(), page.size + 1).await?;
        let found = found.ok_or_else(|| match of {
            TimelineOf::Payment(id) => Error::not_found("payment_intent", id.as_str()),
            TimelineOf::Refund(id) => Error::not_found("refund", id.as_str()),
        })?;
        let placed = found.into_iter().map(|Placed { entry, place }| (entry, place.to_string())).collect();
        let Paged { items, next_page_token } = tokens.page(placed, page.size, |(_, place)| place.as_str());
        Ok(Paged { items: items.into_iter().map(|(entry, _)| entry).collect(), next_page_token })
    }
}

/// How far back records are kept.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// How long each kind is kept.
    pub retention: Retention,
    /// The present moment.
    pub now: Timestamp,
}

/// The timeline of a payment of `partner`, or of anybody's, after this place, at most `limit` entries. `None`: there is no
/// such payment.
pub async fn timeline(
    store: &Store,
    partner: Option<&PartnerId>,
    of: &TimelineOf,
    horizon: &Horizon,
    after: Option<&TimelinePlace>,
    limit: u32,
) -> Result<Option<Vec<Placed>>, store::Error> {
    let mut session = store.read().await?;
    let id = match of {
        TimelineOf::Payment(id) => Some(id.clone()),
        TimelineOf::Refund(id) => session.refund_any(id).await?.map(|refund| refund.payment_intent_id),
    };
    let Some(id) = id else { return Ok(None) };
    let found = session.payment_intent_any(&id).await?;
    let is_theirs = |intent: &PaymentIntent| partner.is_none_or(|partner| intent.partner_id == *partner);
    let Some(intent) = found.filter(is_theirs) else { return Ok(None) };
    let mut placed = entries_of(&mut session, &id, partner.is_none(), after, limit).await?;
    let pruned = pruned::pruned(&intent, &horizon.retention, horizon.now);
    placed.extend(pruned.into_iter().filter(|pruned| after.is_none_or(|after| pruned.place > *after)));
    placed.sort_by(|one, other| one.place.cmp(&other.place));
    placed.truncate(limit as usize);
    Ok(Some(placed))
}

/// The first entries of each kind: none of a later page comes before the first `limit` of all.
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
    Ok(placed)
}
