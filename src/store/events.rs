//! The table of events.

use sqlx::any::AnyRow;

use super::{
    Error, NewEvent, ReadSession, Sealer,
    columns::{get, parse, parse_optional, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    event::{Event, EventType},
    event_filter::{EventFilter, EventPattern, KeptEvents},
    ids::{EventId, Ids, OperationId, PartnerId},
};

/// How many events count as the newest ones.
const RECENT: i64 = 1000;

/// Where an event stands in the order of all events is given out at the commit: see [`super::writes`].
pub(super) static INSERT: Statement = Statement {
    rank: Rank::EventInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("type", Text),
        ("object_id", Text),
        ("object", Bytes),
        ("operation_id", Text),
        ("request_id", Text),
        ("created_at", Int),
    ],
    sql: "INSERT INTO events (id, partner_id, type, object_id, object, operation_id, request_id, created_at, position)
         SELECT id, partner_id, type, object_id, object, operation_id, request_id, created_at, {position} FROM {rows}",
};

impl ReadSession {
    /// The partner's events after the place `after` and up to the place `until`, oldest first, at most `limit`.
    pub async fn events(
        &mut self,
        partner: &PartnerId,
        filter: &EventFilter,
        (after, until): (i64, Option<i64>),
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let types: Vec<_> = filter.types.iter().map(condition).collect();
        let select = |later: Option<i64>| {
            ListQuery::from("events")
                .and("partner_id", "=", Some(partner.as_str().to_owned()))?
                .and("position", ">", later.or(Some(after)))?
                .and("position", "<=", until)?
                .and("object_id", "=", filter.object_id.clone())?
                .holding_any(&types)
        };
        let listing = Listing { table: "events", key: |row| get(row, "position"), order: "position" };
        self.list(listing, limit, select, read).await
    }

    /// The place of one of the partner's events.
    pub async fn event_position(&mut self, partner: &PartnerId, id: &str) -> Result<Option<i64>, Error> {
        let query = sqlx::query("SELECT position FROM events WHERE partner_id = $1 AND id = $2");
        let row = query.bind(partner.as_str()).bind(id).fetch_optional(self.connection()).await?;
        row.map(|row| get(&row, "position")).transpose().map(Option::flatten)
    }

    /// The partner's first event that is kept, and its place.
    pub async fn event_oldest(&mut self, partner: &PartnerId) -> Result<Option<(EventId, i64)>, Error> {
        let sql = "SELECT id, position FROM events WHERE partner_id = $1 AND position IS NOT NULL
             ORDER BY position LIMIT 1";
        place(sqlx::query(sql).bind(partner.as_str()).fetch_optional(self.connection()).await?)
    }

    /// The partner's last event at this place or before it, and its place.
    pub async fn event_last(&mut self, partner: &PartnerId, until: i64) -> Result<Option<(EventId, i64)>, Error> {
        let sql = "SELECT id, position FROM events WHERE partner_id = $1 AND position <= $2
             ORDER BY position DESC LIMIT 1";
        place(sqlx::query(sql).bind(partner.as_str()).bind(until).fetch_optional(self.connection()).await?)
    }

    /// The last place that was given out, to an event of any partner.
    pub async fn event_sequence(&mut self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT last FROM event_sequence WHERE id = 1").fetch_one(self.connection()).await?;
        get(&row, "last")
    }

    /// The events that are kept, of all partners.
    pub async fn events_kept(&mut self) -> Result<KeptEvents, Error> {
        let sql = "SELECT id, position FROM events WHERE position IS NOT NULL ORDER BY position LIMIT 1";
        let oldest = place(sqlx::query(sql).fetch_optional(self.connection()).await?)?;
        Ok(KeptEvents { oldest, last: self.event_sequence().await? })
    }

    /// The newest event of all partners: what was sealed last.
    pub async fn event_newest(&mut self) -> Result<Option<Event>, Error> {
        let row = sqlx::query("SELECT * FROM events WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1")
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(|row| read(row, &self.shared.sealer)).transpose()
    }

    /// Whether one of the newest events, at most [`RECENT`], is of this type and happened at `since` or later.
    pub async fn event_since(&mut self, event: EventType, since: Timestamp) -> Result<bool, Error> {
        let sql = "SELECT type FROM (SELECT type, created_at FROM events WHERE position IS NOT NULL
                 ORDER BY position DESC LIMIT +$1) AS recent
             WHERE type = $2 AND created_at >= $3 LIMIT 1";
        let query = sqlx::query(sql).bind(RECENT).bind(event.as_str()).bind(since.0);
        Ok(query.fetch_optional(self.connection()).await?.is_some())
    }
}

/// Adds an event. It gets its place in the order of all events when it is written.
pub(super) fn insertion(event: &NewEvent, ids: &Ids, sealer: &Sealer) -> Result<Write, Error> {
    let id = EventId::generate(ids);
    let sealed = sealer.seal(id.as_str(), "object", &event.object)?;
    let row = RowValues::new()
        .and(id.as_str())
        .and(event.object.partner_id().as_str())
        .and(event.kind.as_str())
        .and(event.object.id())
        .and(&sealed[..])
        .and(event.cause.as_ref().map(|cause| cause.operation_id.as_str()))
        .and(event.cause.as_ref().map_or("", |cause| cause.request_id.as_str()))
        .and(event.created_at.0);
    Ok(Write::new(Rank::EventInsert, id.as_str(), row))
}

fn condition(pattern: &EventPattern) -> (&'static str, String) {
    match pattern {
        EventPattern::Type(name) => ("type = {}", name.clone()),
        EventPattern::Prefix(prefix) => ("substr(type, 1, length({})) = {}", prefix.clone()),
    }
}

fn place(row: Option<AnyRow>) -> Result<Option<(EventId, i64)>, Error> {
    row.map(|row| Ok((parse(&row, "id", EventId::parse)?, get(&row, "position")?))).transpose()
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<Event, Error> {
    let id = parse(row, "id", EventId::parse)?;
    Ok(Event {
        sequence: get(row, "position")?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        kind: get(row, "type")?,
        object: sealer.open(id.as_str(), "object", &get::<Vec<u8>>(row, "object")?)?,
        operation_id: parse_optional(row, "operation_id", OperationId::parse)?,
        request_id: get(row, "request_id")?,
        created_at: time(row, "created_at")?,
        id,
    })
}
