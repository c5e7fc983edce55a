//! Events: listed in pages, and read one after the other as they happen.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::{
    App, Caller,
    paging::{Page, Paged},
};
use crate::{
    domain::{
        event::Event,
        ids::{EventId, PartnerId},
    },
    error::{Error, Reason},
    store::{End, Placed},
};

mod readers;

use readers::Progress;
pub(super) use readers::Readers;

pub use crate::store::EventFilter;

/// How many events a reader takes from the database at a time, and holds at most.
const BATCH: u32 = 100;
/// A reader who waits hears at least this often that it still does.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a reader looks by itself, in case that a notification was lost.
const LOOK: Duration = Duration::from_secs(1);

/// Where a reader begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// With the oldest event that is kept.
    Oldest,
    /// With the first that happens from now on.
    New,
    /// With the one after this.
    After(EventId),
}

/// What a reader is told.
#[derive(Debug)]
pub enum News {
    /// Something happened.
    Event(Box<Event>),
    /// Nothing for a while.
    Silence,
}

impl App {
    /// Lists the partner's events, oldest first.
    pub async fn list_events(
        &self,
        caller: &Caller,
        filter: &EventFilter,
        after: Option<&EventId>,
        page: Page,
    ) -> Result<Paged<Event>, Error> {
        let tokens = self.page_tokens(caller, ("events", filter));
        let after = tokens.read(&page.token)?.or_else(|| after.map(ToString::to_string));
        let position = match after {
            Some(id) => self.position_of(&caller.partner_id, &id).await?,
            None => 0,
        };
        let found = self.store.read().await?.events(&caller.partner_id, filter, position, page.size + 1).await?;
        let events = found.into_iter().map(|placed| placed.event).collect();
        Ok(tokens.page(events, page.size, |event: &Event| event.id.as_str()))
    }

    /// Begins to read the partner's events, those that will happen among them.
    pub async fn read_events(
        &self,
        caller: &Caller,
        filter: EventFilter,
        beginning: Beginning,
    ) -> Result<EventReader, Error> {
        let partner_id = caller.partner_id.clone();
        let progress = self.event_readers.add(&caller.key_id)?;
        // Before looking, so that nothing happens unheard between the two.
        let news = self.store.event_signal().readers();
        let (position, last) = match beginning {
            Beginning::Oldest => (0, None),
            Beginning::After(id) => (self.position_of(&partner_id, id.as_str()).await?, Some(id)),
            Beginning::New => {
                let newest = self.store.read().await?.event_end(&partner_id, End::Newest).await?;
                newest.map_or((0, None), |(id, position)| (position, Some(id)))
            }
        };
        let (app, held) = (self.clone(), VecDeque::new());
        Ok(EventReader { app, partner_id, filter, position, last, news, held, progress })
    }

    /// The place of the event after which a reader goes on.
    async fn position_of(&self, partner: &PartnerId, id: &str) -> Result<i64, Error> {
        let mut session = self.store.read().await?;
        if let Some(position) = session.event_position(partner, id).await? {
            return Ok(position);
        }
        let oldest = session.event_end(partner, End::Oldest).await?;
        let oldest = oldest.map_or_else(String::new, |(id, _)| id.to_string());
        Err(Error::new(Reason::EventNotKept, "the event to begin after is not kept").with("oldest_event_id", oldest))
    }

    /// Hears of events that other processes have told, until the connection breaks.
    pub async fn hear_of_events(&self) -> Result<(), Error> {
        Ok(self.store.hear_of_events().await?)
    }
}

/// Reads events one after the other. Holds at most [`BATCH`] of them, and none while it waits.
pub struct EventReader {
    app: App,
    partner_id: PartnerId,
    filter: EventFilter,
    position: i64,
    last: Option<EventId>,
    news: watch::Receiver<()>,
    held: VecDeque<Placed>,
    progress: Progress,
}

impl EventReader {
    /// The next event, or silence. Ends only with an error; go on after [`Self::last`] then.
    pub async fn next(&mut self) -> Result<News, Error> {
        let silent_since = self.app.now();
        loop {
            if let Some(placed) = self.held.pop_front() {
                self.position = placed.position;
                self.progress.came_to(placed.event.created_at);
                self.last = Some(placed.event.id.clone());
                return Ok(News::Event(Box::new(placed.event)));
            }
            // Those who wait hold no memory for a batch, nor for a look at the database, which is most of their time.
            self.held = VecDeque::new();
            if Box::pin(self.look()).await? {
                continue;
            }
            self.progress.has_all();
            if silent_since.is_over(self.app.now(), HEARTBEAT) {
                return Ok(News::Silence);
            }
            // The time over or a sender gone: then look all the same.
            let _ = timeout(LOOK, self.news.changed()).await;
        }
    }

    /// The last event it has come past, whether that passed the filter or not.
    pub fn last(&self) -> Option<&EventId> {
        self.last.as_ref()
    }

    /// Takes what there is. Where nothing passes the filter, it comes past it all.
    async fn look(&mut self) -> Result<bool, Error> {
        let mut session = self.app.store.read().await?;
        let newest = session.event_end(&self.partner_id, End::Newest).await?;
        let Some((id, position)) = newest.filter(|(_, position)| *position > self.position) else { return Ok(false) };
        self.held = session.events(&self.partner_id, &self.filter, self.position, BATCH).await?.into();
        if self.held.is_empty() {
            (self.position, self.last) = (position, Some(id));
        }
        Ok(!self.held.is_empty())
    }
}
