//! Exporting books: a partner's payments, refunds or events of a range of time, page by page.

use serde_json::json;

use super::{
    call::Caller,
    paging::{PageTokens, Tokens},
};
use crate::{
    domain::{
        audit::{Actor, AuditAction, AuditEntry, Note},
        books::{Export, Exported, ExportedKind, Place, RangeEnd, TextFormat},
        clock::Timestamp,
        environment::Environment,
        ids::PartnerId,
    },
    error::Error,
    store::{Change, Changes, EventPlaces, Store},
};

mod turns;

use turns::{Turn, Turns};

/// How many objects are read at a time, and held at most.
const PAGE: u32 = 500;
/// The rule for a cursor.
pub const CURSOR: &str = "must be the cursor of the same export with the same other fields";

/// The export of books. Needs the database but not Corefy.
pub struct Exports {
    store: Store,
    environment: Environment,
    cursors: PageTokens,
    turns: Turns,
}

impl Exports {
    /// From this database.
    pub fn new(store: Store, environment: Environment) -> Self {
        let cursors = PageTokens::new(store.hash_key());
        Self { store, environment, cursors, turns: Turns::default() }
    }

    /// Exports the caller's books, from the first on or behind a cursor, in one of a bounded number of exports that a key has at one
    /// time. `before` is the end of the range that was asked for, if one was: without one, the range ends where that of the
    /// first call ended.
    pub async fn export(
        &self,
        caller: &Caller,
        mut export: Export,
        before: Option<Timestamp>,
        format: TextFormat,
        cursor: &str,
    ) -> Result<PartnerExport, Error> {
        let turn = self.turns.take(&caller.key_id)?;
        let cursors = self.cursors.of(caller, ("export", export.kind, export.from, before, format));
        let after = match cursor {
            "" => None,
            cursor => {
                let (end, place) = place_of(&cursors, cursor).ok_or_else(|| Error::field("cursor", CURSOR))?;
                export.before = end;
                Some(place)
            }
        };
        let note = Note { by: Actor::Key(caller.key_id.clone()), reason: String::new() };
        self.begin(&export, Some(&caller.partner_id), format.as_str(), &note).await?;
        let is_resumed = after.is_some();
        let books = self.read(&export, &caller.partner_id, after).await?;
        Ok(PartnerExport { books, cursors, is_resumed, _turn: turn })
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

/// The books of a caller on their way out.
pub struct PartnerExport {
    books: Books,
    cursors: Tokens,
    is_resumed: bool,
    _turn: Turn,
}

impl PartnerExport {
    /// Whether it goes on where another ended.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// The next objects; none: that was all.
    pub async fn next(&mut self) -> Result<Vec<Exported>, Error> {
        self.books.next().await
    }

    /// The cursor to go on with behind this place.
    pub fn cursor(&self, place: &Place) -> String {
        self.cursors.write(&format!("{} {} {}", self.books.export.before.0, place.at, place.id))
    }
}

/// The end of the range, and the place, of a cursor.
fn place_of(cursors: &Tokens, cursor: &str) -> Option<(Timestamp, Place)> {
    let text = cursors.open(cursor)?;
    let mut parts = text.splitn(3, ' ');
    let (before, at, id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    Some((Timestamp(before), Place { at, id: id.to_owned() }))
}
