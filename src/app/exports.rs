//! Exporting books: a partner's payments, refunds or events of a range of time, page by page.

use serde_json::json;

use crate::{
    domain::{
        audit::{AuditAction, AuditEntry, Note},
        books::{Export, Exported, ExportedKind, Place, RangeEnd},
        clock::Timestamp,
        environment::Environment,
        ids::PartnerId,
    },
    error::Error,
    store::{Change, Changes, EventPlaces, Store},
};

/// How many objects are read at a time, and held at most.
const PAGE: u32 = 500;

/// The export of books. Needs the database and the master key but not Corefy.
pub struct Exports {
    store: Store,
    environment: Environment,
}

impl Exports {
    /// From this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        Self { store, environment }
    }

    /// The export of a range; up to the last moment after which no more rows can come, where no end is given.
    pub fn range(
        &self,
        kind: ExportedKind,
        from: Timestamp,
        before: Option<Timestamp>,
    ) -> Result<Export, (RangeEnd, String)> {
        Export::new(kind, from, before, self.environment.clock.now())
    }

    /// The partners whose objects are exported, in the order of their short names: this one, or all.
    pub async fn partners(&self, only: Option<&PartnerId>) -> Result<Vec<PartnerId>, Error> {
        let mut partners = self.store.read().await?.partners().await?;
        partners.sort();
        let Some(only) = only else { return Ok(partners) };
        partners.retain(|partner| partner == only);
        if partners.is_empty() {
            return Err(Error::not_found("partner", only.as_str()));
        }
        Ok(partners)
    }

    /// Has an export audited, before anything of it is handed out. `partner`: `None`: of all partners.
    pub async fn begin(
        &self,
        export: &Export,
        partner: Option<&PartnerId>,
        format: &str,
        note: &Note,
    ) -> Result<(), Error> {
        let Environment { ids, clock, .. } = &self.environment;
        let (from, before) = (export.from.to_string(), export.before.to_string());
        let what = json!({"from": from, "before": before, "partner": partner, "format": format});
        let object = ("books", export.kind.as_str());
        let entry = AuditEntry::new(ids, clock.now(), note, AuditAction::BooksExport, object).to(&what);
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(())
    }

    /// Reads a partner's objects, from the first on, or behind a place that was come to before.
    pub async fn read(&self, export: &Export, partner: &PartnerId, after: Option<Place>) -> Result<Books, Error> {
        let (first, until) = match export.kind {
            ExportedKind::Payments | ExportedKind::Refunds => (export.from.0, export.before.0),
            ExportedKind::Events => {
                let places = self.store.read().await?.event_places(partner, export).await?;
                (places.after, places.until)
            }
        };
        let after = after.unwrap_or(Place { at: first, id: String::new() });
        Ok(Books { store: self.store.clone(), export: *export, partner: partner.clone(), after, until })
    }
}

/// The objects of one partner on their way out. Holds no session of the database between two pages.
pub struct Books {
    store: Store,
    export: Export,
    partner: PartnerId,
    after: Place,
    /// The last place of events that is looked at.
    until: i64,
}

impl Books {
    /// The next objects, at most [`PAGE`]; none: that was all.
    pub async fn next(&mut self) -> Result<Vec<Exported>, Error> {
        let (partner, export, after) = (&self.partner, &self.export, &self.after);
        let mut session = self.store.read().await?;
        let page = match export.kind {
            ExportedKind::Payments => session.exported_payments(partner, export, after, PAGE).await?,
            ExportedKind::Refunds => session.exported_refunds(partner, export, after, PAGE).await?,
            ExportedKind::Events => {
                let places = EventPlaces { after: after.at, until: self.until };
                session.exported_events(partner, export, places, PAGE).await?
            }
        };
        if let Some(last) = page.last() {
            self.after = last.place();
        }
        Ok(page)
    }
}
