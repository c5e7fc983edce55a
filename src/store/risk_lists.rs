//! The tables of the lists that rules ask for, and of their entries.

use sqlx::any::AnyRow;

use super::{
    Error, ReadSession, Store,
    columns::{get, optional_time, parse, time},
    list_query::ListQuery,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    risk::{
        list_entry::{ListEntry, ListInfo},
        lists::{HARD_LISTS, ListKind},
    },
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::RiskListInsert,
    columns: &[("name", Text), ("kind", Text), ("created_at", Int)],
    sql: "INSERT INTO risk_lists (name, kind, created_at)
         SELECT name, kind, created_at FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static INSERT_ENTRY: Statement = Statement {
    rank: Rank::RiskListEntryUpsert,
    columns: &[
        ("list", Text),
        ("value", Text),
        ("expires_at", Int),
        ("reason", Text),
        ("added_by", Text),
        ("added_at", Int),
    ],
    sql: "INSERT INTO risk_list_entries (list, value, expires_at, reason, added_by, added_at)
         SELECT list, value, expires_at, reason, added_by, added_at FROM {rows} WHERE TRUE
         ON CONFLICT (list, value) DO UPDATE SET expires_at = excluded.expires_at, reason = excluded.reason,
             added_by = excluded.added_by, added_at = excluded.added_at",
};

pub(super) static DELETE_ENTRY: Statement = Statement {
    rank: Rank::RiskListEntryDelete,
    columns: &[("list", Text), ("value", Text)],
    sql: "DELETE FROM risk_list_entries WHERE (list, value) IN (SELECT new.list, new.value FROM {rows})",
};

impl ReadSession {
    /// All lists with their sizes, those first that block by themselves.
    pub async fn risk_lists(&mut self) -> Result<Vec<ListInfo>, Error> {
        let hard = HARD_LISTS.map(|(name, kind)| ListInfo { name: name.to_owned(), kind, entries: 0 });
        let rows = sqlx::query("SELECT name, kind FROM risk_lists ORDER BY name").fetch_all(self.connection()).await?;
        let made = rows.iter().map(|row| {
            Ok(ListInfo { name: get(row, "name")?, kind: parse(row, "kind", ListKind::parse)?, entries: 0 })
        });
        let mut lists = hard.into_iter().map(Ok).chain(made).collect::<Result<Vec<ListInfo>, Error>>()?;
        let count = "SELECT list, COUNT(*) AS entries FROM risk_list_entries GROUP BY list ORDER BY list";
        for row in sqlx::query(count).fetch_all(self.connection()).await? {
            let (name, entries): (String, i64) = (get(&row, "list")?, get(&row, "entries")?);
            if let Some(list) = lists.iter_mut().find(|list| list.name == name) {
                list.entries = entries.unsigned_abs();
            }
        }
        Ok(lists)
    }

    /// Entries in the order of list and value, after one when it is given; of one list, if one is named.
    pub async fn risk_list_entries(
        &mut self,
        list: Option<&str>,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<ListEntry>, Error> {
        let mut query = ListQuery::from("risk_list_entries").and("list", "=", list.map(str::to_owned))?;
        if let Some((list, value)) = after {
            query = query.and_after_pair(list, value)?;
        }
        let rows = query.fetch(self.connection(), "list, value", limit).await?;
        rows.iter().map(read).collect()
    }

    /// The ones of `values` that are on the list.
    pub async fn risk_values_on(&mut self, list: &str, values: &[String]) -> Result<Vec<String>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let query = ListQuery::from("risk_list_entries").and("list", "=", Some(list.to_owned()))?;
        let limit = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let rows = query.and_in("value", values)?.fetch(self.connection(), "list, value", limit).await?;
        rows.iter().map(|row| get(row, "value")).collect()
    }
}

impl Store {
    /// Deletes at most `limit` entries that have expired. Returns how many.
    pub async fn delete_expired_list_entries(&self, now: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM risk_list_entries WHERE (list, value) IN
             (SELECT list, value FROM risk_list_entries WHERE expires_at <= $1 ORDER BY expires_at LIMIT +$2)";
        self.execute(sqlx::query(sql).bind(now.0).bind(i64::from(limit))).await
    }
}

/// Adds a list. Conflicts when there is one of this name.
pub(super) fn insertion(name: &str, kind: ListKind, created_at: Timestamp) -> Write {
    Write::new(Rank::RiskListInsert, name, RowValues::new().and(name).and(kind.as_str()).and(created_at.0))
}

/// Adds an entry, or replaces what is known of it.
pub(super) fn entry_upsert(entry: &ListEntry) -> Write {
    let row = RowValues::new()
        .and(entry.list.as_str())
        .and(entry.value.as_str())
        .and(entry.expires_at.map(|time| time.0))
        .and(entry.reason.as_str())
        .and(entry.added_by.as_str())
        .and(entry.added_at.0);
    Write::new(Rank::RiskListEntryUpsert, &format!("{}/{}", entry.list, entry.value), row)
}

/// Removes an entry. Conflicts when there is none.
pub(super) fn entry_deletion(list: &str, value: &str) -> Write {
    Write::new(Rank::RiskListEntryDelete, &format!("{list}/{value}"), RowValues::new().and(list).and(value))
}

fn read(row: &AnyRow) -> Result<ListEntry, Error> {
    Ok(ListEntry {
        list: get(row, "list")?,
        value: get(row, "value")?,
        expires_at: optional_time(row, "expires_at")?,
        reason: get(row, "reason")?,
        added_by: get(row, "added_by")?,
        added_at: time(row, "added_at")?,
    })
}
