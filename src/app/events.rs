//! Events: list.

use super::{
    App, Caller,
    paging::{Page, Paged},
};
use crate::{domain::event::Event, error::Error};

pub use crate::store::EventFilter;

impl App {
    /// Lists the partner's events, oldest first.
    pub async fn list_events(&self, caller: &Caller, filter: EventFilter, page: Page) -> Result<Paged<Event>, Error> {
        let tokens = self.page_tokens(caller, ("events", &filter));
        let after = tokens.read(&page.token)?;
        let found = self.store.read().await?.events(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page(found, page.size, |event| event.id.as_str()))
    }
}
