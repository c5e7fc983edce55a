//! Searches: lists with filters that no one index answers. The places of a list are read from the index that leaves the fewest,
//! a window of them at a time; the rows of the window are looked up, and those that do not fit are left out. A search examines a
//! bounded number of rows and returns what it has found: it may be short of a page, and says where it goes on.

use sqlx::{
    Any, AssertSqlSafe, Encode, Type,
    any::{AnyArguments, AnyRow},
};

use super::{
    Dialect, Error, ListPosition, ReadSession,
    columns::{get, time},
    list::ReadRow,
    list_query::ListQuery,
    search_terms,
};
use crate::domain::{
    clock::{TimeRange, Timestamp},
    ids::PartnerId,
    list_filters::{AmountRange, ListOrder},
    money::Currency,
    search_term::TermHash,
};

/// The places that a search examines at most before it returns what it has found: so few that a page of what no index answers costs the
/// same among a thousand rows as among millions.
pub const MOST_EXAMINED: u32 = 1000;
/// How much larger each window is than the one before, the first of which is a page: where one row in a few fits, few are looked up.
const WINDOW_GROWTH: u32 = 4;
/// The rows that are looked up together at least, when a search goes on behind rows that do not fit.
const LEAST_ROWS: u32 = 20;

/// Stands at the end of a condition's EXISTS, which is looked at for each candidate by itself: with it neither database makes a join of
/// it, for which it would read all that the condition finds.
pub(super) const EACH: &str = "{each}";

/// The result of a search.
#[derive(Debug)]
pub struct Found<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Where the list goes on behind what was examined, when that is fewer than were asked for; `None` at its end.
    pub rest: Option<ListPosition>,
}

/// A search in the making.
pub(super) struct Search {
    table: &'static str,
    order: ListOrder,
    /// The places, as `created_at` and `id`.
    window: ListQuery,
    /// The conditions of their rows, which are `candidate`.
    conditions: String,
}

impl Search {
    /// Among the places that `window` has in this order, as `created_at` and `id` of rows of `table`.
    pub(super) fn within(window: ListQuery, table: &'static str, order: ListOrder) -> Self {
        Self { table, order, window, conditions: String::new() }
    }

    /// Among what has this term, created then, after `after`.
    pub(super) fn by_term(
        term: TermHash,
        table: &'static str,
        created: TimeRange,
        after: Option<&ListPosition>,
    ) -> Result<Self, Error> {
        let window = search_terms::select(term, after)?.and_within("created_at", created)?;
        Ok(Self::within(window, table, ListOrder::Creation))
    }

    /// Among the partner's objects whose references begin with `prefix`, after `after`, by reference.
    pub(super) fn by_reference(
        partner: &PartnerId,
        prefix: &str,
        table: &'static str,
        after: Option<&ListPosition>,
    ) -> Result<Self, Error> {
        let columns = "CAST(0 AS BIGINT) AS created_at, reference_id AS id, id AS object_id";
        let window = ListQuery::of(columns, table)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and("reference_id", ">=", Some(prefix.to_owned()))?
            .and("reference_id", "<", Some(format!("{prefix}{}", char::MAX)))?
            .and("reference_id", ">", after.map(|place| place.id.clone()))?;
        Ok(Self { table, order: ListOrder::Reference, window, conditions: String::new() })
    }

    /// Only rows for which `column operator value` holds, when there is a value.
    pub(super) fn and<'q, T>(mut self, column: &str, operator: &str, value: Option<T>) -> Result<Self, Error>
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        if let Some(value) = value {
            let place = self.window.bind(value)?;
            self = self.only(&format!("candidate.{column} {operator} {place}"));
        }
        Ok(self)
    }

    /// Only rows whose `column` is one of `words`, when there are any.
    pub(super) fn and_in(mut self, column: &str, words: impl Iterator<Item = &'static str>) -> Result<Self, Error> {
        let places = words.map(|word| self.window.bind(word.to_owned())).collect::<Result<Vec<_>, _>>()?;
        if !places.is_empty() {
            self = self.only(&format!("candidate.{column} IN ({})", places.join(", ")));
        }
        Ok(self)
    }

    /// Only rows whose moment in `column` lies in `range`.
    pub(super) fn and_within(self, column: &str, range: TimeRange) -> Result<Self, Error> {
        self.and(column, ">=", range.from.map(|time| time.0))?.and(column, "<", range.before.map(|time| time.0))
    }

    /// Only rows in this currency, and of such an amount.
    pub(super) fn and_money(self, currency: Option<Currency>, range: AmountRange) -> Result<Self, Error> {
        self.and("currency", "=", currency.map(|currency| currency.code().to_owned()))?
            .and("amount", ">=", range.from)?
            .and("amount", "<=", range.to)
    }

    /// Only rows that have each of these terms.
    pub(super) fn and_terms(mut self, terms: &[TermHash]) -> Result<Self, Error> {
        for term in terms {
            let place = self.window.bind(term.as_bytes().to_vec())?;
            self = self.only(&format!(
                "EXISTS (SELECT 1 FROM search_terms AS also WHERE also.term = {place}
                     AND also.created_at = candidate.created_at AND also.id = candidate.id {EACH})"
            ));
        }
        Ok(self)
    }

    /// Only rows, which are `candidate`, of which this condition of the program's own holds; [`EACH`] ends each EXISTS in it.
    pub(super) fn only(mut self, condition: &str) -> Self {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
        self
    }

    /// Its SQL: the rows that fit, at most `rows`, of the first `places` of the window. Each says how many places were examined and which
    /// was the last; where none fits, one row without a row of the table does. What a page costs must not depend on what a planner
    /// thinks of the rest of the table, so each place's row is looked up by its id: SQLite goes through what stands before CROSS
    /// JOIN first, and PostgreSQL through an array, where a join could become one with all rows.
    fn into_sql(self, dialect: Dialect, places: u32, rows: u32) -> (String, AnyArguments) {
        let Self { table, order, window, conditions } = self;
        let [listed, edge, id] = match order {
            ListOrder::Creation => ["created_at DESC, id DESC", "created_at, id", "id"],
            ListOrder::Change => ["updated_at, id", "created_at DESC, id DESC", "id"],
            ListOrder::Reference => ["reference_id", "id DESC", "object_id"],
        };
        let listed_candidates =
            listed.split(", ").map(|column| format!("candidate.{column}")).collect::<Vec<_>>().join(", ");
        let (found, each) = match dialect {
            Dialect::Sqlite => {
                (format!("place CROSS JOIN {table} AS candidate WHERE candidate.id = place.{id}"), "LIMIT 1")
            }
            Dialect::Postgres => {
                (format!("{table} AS candidate WHERE candidate.id = ANY(ARRAY(SELECT {id} FROM place))"), "OFFSET 0")
            }
        };
        let conditions = conditions.replace(EACH, each);
        let (window, arguments) = window.into_sql(listed, places);
        let sql = format!(
            "WITH place AS MATERIALIZED ({window}),
             edge AS (SELECT created_at AS edge_at, id AS edge_id, (SELECT COUNT(*) FROM place) AS examined FROM place
                 ORDER BY {edge} LIMIT 1),
             matched AS (SELECT candidate.* FROM {found}{conditions} ORDER BY {listed_candidates} LIMIT {rows})
             SELECT edge.*, matched.* FROM edge LEFT JOIN matched ON TRUE ORDER BY {listed}",
        );
        (sql, arguments)
    }

    async fn fetch(self, session: &mut ReadSession, places: u32, rows: u32) -> Result<Vec<AnyRow>, Error> {
        let (sql, arguments) = self.into_sql(session.shared.dialect, places, rows);
        Ok(sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(session.connection()).await?)
    }

    /// The database's plan for a window of so many places, where `explain` is the word that asks for it.
    #[cfg(test)]
    pub(super) async fn explain(
        self,
        (dialect, explain): (Dialect, &str),
        on: &mut sqlx::AnyConnection,
        places: u32,
    ) -> Result<Vec<AnyRow>, Error> {
        let (sql, arguments) = self.into_sql(dialect, places, LEAST_ROWS);
        Ok(sqlx::query_with(AssertSqlSafe(format!("{explain} {sql}")), arguments).fetch_all(on).await?)
    }
}

impl ReadSession {
    /// The first `limit` readable rows of a search that `shows` lets through. `select` makes the search after a place.
    pub(super) async fn search<T>(
        &mut self,
        limit: u32,
        select: impl Fn(Option<ListPosition>) -> Result<Search, Error>,
        read: ReadRow<T>,
        shows: impl Fn(&T) -> bool,
    ) -> Result<Found<T>, Error> {
        let (mut items, mut rest, mut room) = (Vec::new(), None, MOST_EXAMINED);
        // The first window is that of a page of which every row fits.
        let mut places = limit.min(room);
        loop {
            let search = select(rest.take())?;
            let (table, order) = (search.table, search.order);
            let missing = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(limit));
            let batch = missing.max(LEAST_ROWS);
            let rows = search.fetch(self, places, batch).await?;
            let Some(examined) = Examined::read(&rows, order)? else { break };
            let is_cut = examined.matched.len() == batch as usize;
            items.extend(self.shared.readable(table, examined.matched, read)?.into_iter().filter(|item| shows(item)));
            let is_last = !is_cut && examined.count < places;
            // Behind rows that were cut off, the window has more to give.
            let done = if is_cut { batch } else { examined.count };
            rest = Some(if is_cut { examined.last } else { examined.edge }).filter(|_| !is_last);
            room = room.saturating_sub(done);
            if is_last || room == 0 || items.len() >= limit as usize {
                break;
            }
            // A window that was cut off has more to give.
            places = if is_cut { places } else { places.saturating_mul(WINDOW_GROWTH) }.min(room);
        }
        items.truncate(limit as usize);
        Ok(Found { items, rest })
    }
}

/// The result of one window.
struct Examined<'a> {
    /// The rows that fit.
    matched: &'a [AnyRow],
    /// The place of the last of them, or else the last of the window.
    last: ListPosition,
    /// The last place of the window.
    edge: ListPosition,
    /// The number of its places.
    count: u32,
}

impl<'a> Examined<'a> {
    /// `None`: the window was empty.
    fn read(rows: &'a [AnyRow], order: ListOrder) -> Result<Option<Self>, Error> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let edge = ListPosition { moment: time(first, "edge_at")?, id: get(first, "edge_id")? };
        let count = u32::try_from(get::<i64>(first, "examined")?).unwrap_or(u32::MAX);
        if get::<Option<String>>(first, "id")?.is_none() {
            return Ok(Some(Self { matched: &[], last: edge.clone(), edge, count }));
        }
        let last = match order {
            ListOrder::Creation => ListPosition { moment: time(last, "created_at")?, id: get(last, "id")? },
            ListOrder::Change => ListPosition { moment: time(last, "updated_at")?, id: get(last, "id")? },
            ListOrder::Reference => ListPosition { moment: Timestamp::default(), id: get(last, "reference_id")? },
        };
        Ok(Some(Self { matched: rows, last, edge, count }))
    }
}
