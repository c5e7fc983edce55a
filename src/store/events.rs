//! The table of events.

use sqlx::any::AnyRow;

use super::{
    Error, Sealer, Session, Tx,
    list::Listing,
    row::{get, parse, time},
    select::Select,
    session::Connected,
    telemetry::News,
    writes::{
        Kind::{Bytes, Int, Text},
        Row, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    event::{Event, EventObject, EventType},
    ids::{EventId, PartnerId},
};

/// How many events count as the newest ones.
const RECENT: i64 = 1000;

/// Which events a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of one of these types.
    pub types: Vec<String>,
    /// Of this object.
    pub object_id: Option<String>,
}

/// An event with its place in the one order.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Greater than that of every event before it.
    pub position: i64,
    /// The event.
    pub event: Event,
}

/// Where an event stands in the order of all events is given out at the commit: see [`super::writes`].
pub(super) static INSERT: Statement = Statement {
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("type", Text),
        ("object_id", Text),
        ("object", Bytes),
        ("created_at", Int),
    ],
    sql: "INSERT INTO events (id, partner_id, type, object_id, object, created_at, position)
         SELECT id, partner_id, type, object_id, object, created_at, {position} FROM {rows}",
};

impl<C: Connected> Session<C> {
    /// The partner's ordered events after `position`, oldest first, at most `limit`.
    pub async fn events(
        &mut self,
        partner: &PartnerId,
        filter: &EventFilter,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Placed>, Error> {
        let select = |later: Option<i64>| {
            Select::from("events")
                .and("partner_id", "=", Some(partner.as_str().to_owned()))?
                .and("position", ">", later.or(Some(position)))?
                .and("object_id", "=", filter.object_id.clone())?
                .and_in("type", &filter.types)
        };
        let listing = Listing { table: "events", key: "position", order: "position" };
        self.list(listing, limit, select, read).await
    }

    /// The place of one of the partner's events.
    pub async fn event_position(&mut self, partner: &PartnerId, id: &str) -> Result<Option<i64>, Error> {
        let query = sqlx::query("SELECT position FROM events WHERE partner_id = $1 AND id = $2");
        let row = query.bind(partner.as_str()).bind(id).fetch_optional(self.connection().await?).await?;
        row.map(|row| get(&row, "position")).transpose().map(Option::flatten)
    }

    /// The partner's first or last event that is kept, and its place.
    pub async fn event_end(&mut self, partner: &PartnerId, end: End) -> Result<Option<(EventId, i64)>, Error> {
        let sql = match end {
            End::Oldest => {
                "SELECT id, position FROM events WHERE partner_id = $1 AND position IS NOT NULL
                 ORDER BY position LIMIT 1"
            }
            End::Newest => {
                "SELECT id, position FROM events WHERE partner_id = $1 AND position IS NOT NULL
                 ORDER BY position DESC LIMIT 1"
            }
        };
        let row = sqlx::query(sql).bind(partner.as_str()).fetch_optional(self.connection().await?).await?;
        row.map(|row| Ok((parse(&row, "id", EventId::parse)?, get(&row, "position")?))).transpose()
    }

    /// The newest event of all partners: what was sealed last.
    pub async fn event_newest(&mut self) -> Result<Option<Event>, Error> {
        let row = sqlx::query("SELECT * FROM events WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1")
            .fetch_optional(self.connection().await?)
            .await?;
        row.as_ref().map(|row| read(row, &self.shared.sealer).map(|placed| placed.event)).transpose()
    }

    /// Whether one of the newest events, at most [`RECENT`], is of this type and happened at `since` or later.
    pub async fn event_since(&mut self, event: EventType, since: Timestamp) -> Result<bool, Error> {
        let sql = "SELECT type FROM (SELECT type, created_at FROM events WHERE position IS NOT NULL
                 ORDER BY position DESC LIMIT $1) AS recent
             WHERE type = $2 AND created_at >= $3 LIMIT 1";
        let query = sqlx::query(sql).bind(RECENT).bind(event.as_str()).bind(since.0);
        Ok(query.fetch_optional(self.connection().await?).await?.is_some())
    }
}

/// One end of the events that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first.
    Oldest,
    /// The last.
    Newest,
}

impl Tx {
    /// Adds an event of this type about `object`, unless there is one already.
    pub async fn event_insert_once(
        &mut self,
        kind: EventType,
        object: &EventObject,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.has_told(kind, object.id()) {
            return Ok(());
        }
        let query = sqlx::query("SELECT id FROM events WHERE object_id = $1 AND type = $2 LIMIT 1");
        let row = query.bind(object.id()).bind(kind.as_str()).fetch_optional(self.connection().await?).await?;
        if row.is_none() {
            self.events_insert(&[kind], object, now).await?;
        }
        Ok(())
    }

    /// Adds an event of each type about `object` as it is now. They get their places in the order of all events when the
    /// transaction is committed.
    pub async fn events_insert(
        &mut self,
        types: &[EventType],
        object: &EventObject,
        now: Timestamp,
    ) -> Result<(), Error> {
        for kind in types {
            let id = EventId::generate();
            let sealed = self.shared.sealer.seal(id.as_str(), "object", object)?;
            let row = Row::new()
                .and(id.as_str())
                .and(object.partner_id().as_str())
                .and(kind.as_str())
                .and(object.id())
                .and(&sealed[..])
                .and(now.0);
            self.tell(News::of(*kind, object), Write::new(&INSERT, id.as_str(), row));
        }
        Ok(())
    }
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<Placed, Error> {
    let id = parse(row, "id", EventId::parse)?;
    let event = Event {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        kind: get(row, "type")?,
        object: sealer.open(id.as_str(), "object", &get::<Vec<u8>>(row, "object")?)?,
        created_at: time(row, "created_at")?,
        id,
    };
    Ok(Placed { position: get(row, "position")?, event })
}
