//! EventLog: listed in pages, and read one after the other as they happen.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::{
    call::Caller,
    paging::{Page, PageTokens, Paged},
};
use crate::{
    domain::{
        clock::{Clock, Timestamp},
        event::Event,
        event_filter::EventFilter,
        ids::{EventId, PartnerId},
    },
    error::{Error, Reason},
    store::Store,
};

mod readers;

pub(super) use readers::Readers;
use readers::{ReaderProgress, ReaderStats};

/// How many events a reader takes from the database at a time, and holds at most.
const BATCH: u32 = 100;
/// How far a reader looks at a time through events that may not fit its filters, in places of the order.
const REACH: i64 = 20_000;
/// A reader that waits is given a sign of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is looked for all readers of the process whether there is something new, in case that a notification was lost.
const LOOK: Duration = Duration::from_secs(1);

/// Where a reader begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest event that is kept.
    Oldest,
    /// With the first that happens from now on.
    New,
    /// With the one after this.
    After(EventId),
}

/// The answer to a reader.
#[derive(Debug)]
pub enum StreamItem {
    /// Something happened.
    Event(Box<Event>),
    /// Nothing for a while, or the reader has all there is for the first time.
    SignOfLife {
        /// Whether it has everything that had happened.
        is_caught_up: bool,
    },
}

/// The result of a look at the database.
enum Look {
    /// EventLog that fit the filters.
    Found,
    /// None as far as it went; there are more.
    Behind,
    /// None; that was all.
    CaughtUp,
}

/// The events of all partners, and their readers.
pub struct EventLog {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) page_tokens: PageTokens,
    pub(super) readers: Readers,
}

impl EventLog {
    /// The present moment, by the gateway's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many readers there are, and how far they are behind.
    pub(super) fn reader_stats(&self) -> ReaderStats {
        self.readers.stats(self.now())
    }

    /// Lists the partner's events, oldest first.
    pub async fn list_events(
        &self,
        caller: &Caller,
        filter: &EventFilter,
        after: Option<&EventId>,
        page: Page,
    ) -> Result<Paged<Event>, Error> {
        let tokens = self.page_tokens.of(caller, ("events", filter));
        let after = tokens.read(&page.token)?.or_else(|| after.map(ToString::to_string));
        let position = match after {
            Some(id) => self.position_of(&caller.partner_id, &id).await?,
            None => 0,
        };
        let (partner, places) = (&caller.partner_id, (position, None));
        let events = self.store.read().await?.events(partner, filter, places, page.size + 1).await?;
        Ok(tokens.page(events, page.size, |event: &Event| event.id.as_str()))
    }

    /// Begins to read the partner's events, those that will happen among them.
    pub async fn read_events(
        self: &Arc<Self>,
        caller: &Caller,
        filter: EventFilter,
        beginning: StartAt,
    ) -> Result<EventReader, Error> {
        let partner_id = caller.partner_id.clone();
        let progress = self.readers.add(&caller.key_id)?;
        // Before looking, so that nothing happens unheard between the two.
        let news = self.store.event_signal().readers();
        let (position, last) = match beginning {
            StartAt::Oldest => {
                // Not before it: places of events that were deleted would be looked through.
                let oldest = self.store.read().await?.event_oldest(&partner_id).await?;
                (oldest.map_or(0, |(_, position)| position - 1), None)
            }
            StartAt::After(id) => {
                let position = self.position_of(&partner_id, id.as_str()).await?;
                (position, Some((id, position)))
            }
            StartAt::New => {
                let newest = self.store.read().await?.event_last(&partner_id, i64::MAX).await?;
                newest.map_or((0, None), |(id, position)| (position, Some((id, position))))
            }
        };
        let (events, held) = (self.clone(), VecDeque::new());
        Ok(EventReader { events, partner_id, filter, position, last, news, held, progress, has_caught_up: false })
    }

    /// The place of the event after which a reader goes on.
    async fn position_of(&self, partner: &PartnerId, id: &str) -> Result<i64, Error> {
        let mut session = self.store.read().await?;
        if let Some(position) = session.event_position(partner, id).await? {
            return Ok(position);
        }
        let is_lost = match EventId::parse(id) {
            Some(id) => session.events_kept().await?.may_have_had(&id),
            None => false,
        };
        if !is_lost {
            return Err(Error::not_found("event", id));
        }
        let oldest = session.event_oldest(partner).await?.map_or_else(String::new, |(id, _)| id.to_string());
        Err(Error::new(Reason::EventNotKept, "the event to begin after is not kept any more")
            .with("oldest_event_id", oldest))
    }

    /// Looks for all readers whether there is something new, when it is time to, and wakes them if there is. They are woken, too,
    /// when that cannot be found out, so that each sees for itself.
    async fn look_for_readers(&self) {
        if !self.readers.may_look(LOOK) {
            return;
        }
        let last = async { self.store.read().await?.event_sequence().await };
        if last.await.map_or(true, |last| self.readers.is_news(last)) {
            self.store.event_signal().notify();
        }
    }

    /// Listens for events of other processes until the connection breaks.
    pub async fn listen_for_events(&self) -> Result<(), Error> {
        Ok(self.store.listen_for_events().await?)
    }
}

/// Reads events one after the other. Holds at most [`BATCH`] of them, and none while it waits.
pub struct EventReader {
    events: Arc<EventLog>,
    partner_id: PartnerId,
    filter: EventFilter,
    position: i64,
    /// The last event it has come past, and its place.
    last: Option<(EventId, i64)>,
    news: watch::Receiver<()>,
    held: VecDeque<Event>,
    progress: ReaderProgress,
    has_caught_up: bool,
}

impl EventReader {
    /// The next event, or a sign of life. Ends only with an error; go on after [`Self::last`] then.
    pub async fn next(&mut self) -> Result<StreamItem, Error> {
        let silent_since = self.events.now();
        loop {
            if let Some(event) = self.held.pop_front() {
                self.position = event.sequence;
                self.progress.came_to(event.created_at);
                self.last = Some((event.id.clone(), event.sequence));
                return Ok(StreamItem::Event(Box::new(event)));
            }
            // One that waits holds no memory for a batch, nor for a look at the database, which is most of its time.
            self.held = VecDeque::new();
            let is_caught_up = match Box::pin(self.look()).await? {
                Look::Found => continue,
                Look::Behind => false,
                Look::CaughtUp => true,
            };
            let is_first = is_caught_up && !self.has_caught_up;
            if is_caught_up {
                self.has_caught_up = true;
                self.progress.has_all();
            }
            if is_first || silent_since.is_over(self.events.now(), HEARTBEAT) {
                return Ok(StreamItem::SignOfLife { is_caught_up });
            }
            if is_caught_up {
                self.wait(silent_since).await;
            }
        }
    }

    /// Waits for news, or until a sign of life is due.
    async fn wait(&mut self, silent_since: Timestamp) {
        while timeout(LOOK, self.news.changed()).await.is_err() {
            if silent_since.is_over(self.events.now(), HEARTBEAT) {
                return;
            }
            Box::pin(self.events.look_for_readers()).await;
        }
    }

    /// The last event it has come past, whether that passed the filter or not, and its place.
    pub fn last(&self) -> Option<(&EventId, i64)> {
        self.last.as_ref().map(|(id, position)| (id, *position))
    }

    /// Takes what there is within [`REACH`]. Where nothing passes the filter, it comes past it all.
    async fn look(&mut self) -> Result<Look, Error> {
        let mut session = self.events.store.read().await?;
        let newest = session.event_last(&self.partner_id, i64::MAX).await?;
        let Some((id, position)) = newest.filter(|(_, position)| *position > self.position) else {
            return Ok(Look::CaughtUp);
        };
        let until = position.min(self.position.saturating_add(REACH));
        let places = (self.position, Some(until));
        self.held = session.events(&self.partner_id, &self.filter, places, BATCH).await?.into();
        if !self.held.is_empty() {
            return Ok(Look::Found);
        }
        if until == position {
            (self.position, self.last) = (position, Some((id, position)));
            return Ok(Look::CaughtUp);
        }
        self.last = session.event_last(&self.partner_id, until).await?.or(self.last.take());
        self.position = until;
        Ok(Look::Behind)
    }
}
