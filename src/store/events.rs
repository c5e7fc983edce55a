//! The table of events.

use std::ops::DerefMut;

use sqlx::{AnyConnection, any::AnyRow};

use super::{
    Error, Sealer, Session, Tx,
    row::{get, parse, time},
    select::Select,
};
use crate::domain::{
    clock::Timestamp,
    event::{Event, EventObject, EventType},
    ids::{EventId, PartnerId},
};

/// Which events a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// After this one.
    pub after: Option<EventId>,
    /// Of one of these types.
    pub types: Vec<String>,
    /// Of this object.
    pub object_id: Option<String>,
}

impl<C: DerefMut<Target = AnyConnection>> Session<C> {
    /// The partner's events, oldest first, at most `limit`, after the id `after`.
    pub async fn events(
        &mut self,
        partner: &PartnerId,
        filter: &EventFilter,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let after = after.or_else(|| filter.after.as_ref().map(ToString::to_string));
        let rows = Select::from("events")
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and("id", ">", after)?
            .and("object_id", "=", filter.object_id.clone())?
            .and_in("type", &filter.types)?
            .fetch(self.connection(), "id", limit)
            .await?;
        rows.iter().map(|row| read(row, &self.shared.sealer)).collect()
    }

    /// The newest events about any of these objects of the partner's, at most `limit`, newest first.
    pub async fn events_of(
        &mut self,
        partner: &PartnerId,
        objects: &[String],
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let rows = Select::from("events")
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and_in("object_id", objects)?
            .fetch(self.connection(), "id DESC", limit)
            .await?;
        rows.iter().map(|row| read(row, &self.shared.sealer)).collect()
    }
}

impl Tx {
    /// Adds an event of this type about `object`, unless there is one already.
    pub async fn event_insert_once(
        &mut self,
        kind: EventType,
        object: &EventObject,
        now: Timestamp,
    ) -> Result<(), Error> {
        let query = sqlx::query("SELECT id FROM events WHERE object_id = $1 AND type = $2 LIMIT 1");
        let row = query.bind(object.id()).bind(kind.as_str()).fetch_optional(self.connection()).await?;
        if row.is_none() {
            self.events_insert(&[kind], object, now).await?;
        }
        Ok(())
    }

    /// Adds an event of each type about `object` as it is now.
    pub async fn events_insert(
        &mut self,
        types: &[EventType],
        object: &EventObject,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql =
            "INSERT INTO events (id, partner_id, type, object_id, object, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        for kind in types {
            let id = EventId::generate();
            let sealed = self.shared.sealer.seal(id.as_str(), "object", object)?;
            let query = sqlx::query(sql)
                .bind(id.as_str())
                .bind(object.partner_id().as_str())
                .bind(kind.as_str())
                .bind(object.id())
                .bind(sealed)
                .bind(now.0);
            query.execute(self.connection()).await?;
        }
        Ok(())
    }
}

fn read(row: &AnyRow, sealer: &Sealer) -> Result<Event, Error> {
    let id = parse(row, "id", EventId::parse)?;
    Ok(Event {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        kind: get(row, "type")?,
        object: sealer.open(id.as_str(), "object", &get::<Vec<u8>>(row, "object")?)?,
        created_at: time(row, "created_at")?,
        id,
    })
}
