//! Rows for the books: those of one partner, in an order in which none comes before one that was read. One that cannot be read fails
//! the others: books with a gap are wrong.

use std::time::Duration;

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession,
    columns::{get, time},
    events,
    list::ReadRow,
    list_query::ListQuery,
    payment_intents, refunds,
};
use crate::domain::{
    books::{Export, Exported, Place},
    clock::{TimeRange, Timestamp},
    ids::PartnerId,
};

/// How many places of the order of events are looked through at a time.
const REACH: i64 = 20_000;
/// By how much the time of an event may be later than that of one behind it: more than a commit takes, and than clocks differ or are
/// put back by.
const EVENT_DISORDER: Duration = Duration::from_secs(24 * 60 * 60);

/// The places in the order of all events among which those of an export are: behind the first, up to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPlaces {
    /// Events at this place or before it are left out.
    pub after: i64,
    /// Events behind this place are left out.
    pub until: i64,
}

impl ReadSession {
    /// The partner's payments behind this place, at most `limit`.
    pub async fn exported_payments(
        &mut self,
        partner: &PartnerId,
        export: &Export,
        after: &Place,
        limit: u32,
    ) -> Result<Vec<Exported>, Error> {
        let query = made("payment_intents", partner, export, after)?;
        self.exported(query, CREATION, limit, |row, sealer| Ok(payment_intents::read(row, sealer)?.into())).await
    }

    /// The partner's refunds behind this place, at most `limit`.
    pub async fn exported_refunds(
        &mut self,
        partner: &PartnerId,
        export: &Export,
        after: &Place,
        limit: u32,
    ) -> Result<Vec<Exported>, Error> {
        let query = made("refunds", partner, export, after)?;
        self.exported(query, CREATION, limit, |row, sealer| Ok(refunds::read(row, sealer)?.into())).await
    }

    /// The partner's events within these places, at most `limit`: none only when there are no more.
    pub async fn exported_events(
        &mut self,
        partner: &PartnerId,
        export: &Export,
        mut places: EventPlaces,
        limit: u32,
    ) -> Result<Vec<Exported>, Error> {
        while places.after < places.until {
            let reach = places.until.min(places.after.saturating_add(REACH));
            let query = happened(partner, export, EventPlaces { after: places.after, until: reach })?;
            let found = self.exported(query, "position", limit, |row, sealer| Ok(events::read(row, sealer)?.into()));
            let found = found.await?;
            if !found.is_empty() {
                return Ok(found);
            }
            places.after = reach;
        }
        Ok(Vec::new())
    }

    /// The places that the partner's events of an export are among.
    ///
    /// Events stand in the order of their commits, which is that of their times but for [`EVENT_DISORDER`]. A search by halves ends
    /// between an event that is earlier than the moment it looks for, and one that is not: all before the first are less than
    /// that much later than it, and all behind the second less than that much earlier. So with that much room at both ends
    /// none of the export is outside of them.
    pub async fn event_places(&mut self, partner: &PartnerId, export: &Export) -> Result<EventPlaces, Error> {
        let from = self.first_event(partner, export.from.before(EVENT_DISORDER)).await?;
        let before = self.first_event(partner, export.before + EVENT_DISORDER).await?;
        Ok(EventPlaces { after: from - 1, until: before - 1 })
    }

    /// A place before which there is one of the partner's events that is earlier than the moment, or none; and at which or behind
    /// which there is one that is not, or none.
    async fn first_event(&mut self, partner: &PartnerId, moment: Timestamp) -> Result<i64, Error> {
        let (mut low, mut high) = (0, self.event_sequence().await? + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.event_from(partner, middle).await? {
                Some((place, at)) if place < high && at < moment => low = place + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The place and the time of the partner's first event at this place or behind it.
    async fn event_from(&mut self, partner: &PartnerId, place: i64) -> Result<Option<(i64, Timestamp)>, Error> {
        let sql = "SELECT position, created_at FROM events WHERE partner_id = $1 AND position >= $2
             ORDER BY position LIMIT 1";
        let query = sqlx::query(sql).bind(partner.as_str()).bind(place);
        let row = query.fetch_optional(self.connection()).await?;
        row.map(|row| Ok((get(&row, "position")?, time(&row, "created_at")?))).transpose()
    }

    /// Rows for books, of which each can be read.
    pub(super) async fn exported<T>(
        &mut self,
        query: ListQuery,
        order: &str,
        limit: u32,
        read: ReadRow<T>,
    ) -> Result<Vec<T>, Error> {
        let rows = query.fetch(self.connection(), order, limit).await?;
        let named = |row: &AnyRow, error| match error {
            Error::Corrupt(why) => Error::corrupt(format!("{}: {why}", get::<String>(row, "id").unwrap_or_default())),
            other => other,
        };
        rows.iter().map(|row| read(row, &self.shared.sealer).map_err(|error| named(row, error))).collect()
    }
}

/// The order of payments and refunds.
pub(super) const CREATION: &str = "created_at, id";

/// The partner's rows of an export behind this place, by which alone their beginning is bounded: it is never before the range.
fn made(table: &str, partner: &PartnerId, export: &Export, after: &Place) -> Result<ListQuery, Error> {
    ListQuery::from(table)
        .and("partner_id", "=", Some(partner.as_str().to_owned()))?
        .and("created_at", "<", Some(export.before.0))?
        .and_after("created_at", after.at, after.id.clone())
}

/// The partner's events of an export among these places.
fn happened(partner: &PartnerId, export: &Export, places: EventPlaces) -> Result<ListQuery, Error> {
    let range = TimeRange { from: Some(export.from), before: Some(export.before) };
    ListQuery::from("events")
        .and("partner_id", "=", Some(partner.as_str().to_owned()))?
        .and("position", ">", Some(places.after))?
        .and("position", "<=", Some(places.until))?
        .and_within("created_at", range)
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::{
        domain::books::ExportedKind,
        store::{
            list::tests::FILL,
            plan_tests::{self, Grown},
        },
    };

    /// An event a second.
    const EVENTS: &str = "INSERT INTO events (id, partner_id, type, object_id, object, created_at, position)
         WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
         SELECT 'evt_' || (100000 + n), CASE WHEN n % 10 = 0 THEN 'other' ELSE 'acme' END, 'refund.succeeded', 're_1',
           {none}, CAST(n AS BIGINT) * 1000000, n + 1 FROM numbers";

    impl Grown {
        /// Asserts that a page is read by this index, within both of its bounds, in its order.
        async fn assert_exports(&mut self, query: ListQuery, order: &str, index: &str, bounds: [&str; 2]) {
            let (explain, column) = self.explain();
            let rows = query.explain(explain, &mut self.connection, order, 500).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
            let told = plan.join("\n");
            assert!(told.contains(index), "{index} is not used:\n{told}");
            assert!(!told.contains("Sort") && !told.contains("TEMP B-TREE"), "it is sorted:\n{told}");
            for bound in bounds {
                let of_index = plan.iter().any(|line| line.contains(bound) && !line.contains("Filter"));
                assert!(of_index, "{bound} does not bound what is read:\n{told}");
            }
        }
    }

    async fn check(grown: &mut Grown) {
        let acme = PartnerId::parse("acme").unwrap();
        let moment = |second| Timestamp::from_seconds(second);
        let export = |kind| Export { kind, from: moment(5_000), before: moment(15_000) };
        let after = Place { at: moment(9_000).0, id: "pi_109000".to_owned() };
        let is_postgres = grown.explain().1 == "QUERY PLAN";
        let bounds = if is_postgres { ["created_at < ", "created_at >= "] } else { ["created_at<?", "created_at>?"] };
        for (kind, table, index) in [
            (ExportedKind::Payments, "payment_intents", "payment_intents_list"),
            (ExportedKind::Refunds, "refunds", "refunds_list"),
        ] {
            let query = made(table, &acme, &export(kind), &after).unwrap();
            grown.assert_exports(query, CREATION, index, bounds).await;
        }
        let places = EventPlaces { after: 5_000, until: 8_000 };
        let query = happened(&acme, &export(ExportedKind::Events), places).unwrap();
        let bounds = if is_postgres { ["\"position\" > ", "\"position\" <= "] } else { ["position>?", "position<?"] };
        // That of the partner, or, where most events are the partner's, that of all: each is bounded by the places.
        grown.assert_exports(query, "position", "events_", bounds).await;
    }

    #[tokio::test]
    async fn a_page_of_an_export_reads_no_more_than_it_has_on_sqlite() {
        plan_tests::on_sqlite(&[&FILL[..], &[EVENTS]].concat(), check).await;
    }

    #[tokio::test]
    async fn a_page_of_an_export_reads_no_more_than_it_has_on_postgres() {
        plan_tests::on_postgres(&[&FILL[..], &[EVENTS]].concat(), check).await;
    }
}
