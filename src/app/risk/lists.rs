//! Lists: made, filled and shown. All gateways have them within ten seconds.

use std::collections::BTreeMap;

use serde_json::json;

use super::handle::{Risk, TRIES, too_busy};
use crate::{
    app::{
        call::Caller,
        paging::{Page, Paged},
    },
    domain::{
        audit::{AuditAction, Note},
        clock::Timestamp,
        risk::{
            list_entry::{ListEntry, ListInfo, read_value},
            lists::{ListKind, MOST_ENTRIES, MOST_LISTS, hard_list, is_list_name},
        },
    },
    error::{Error, Reason, Violation},
    store::Change,
};

/// The most entries that are added at once.
pub const MOST_AT_ONCE: usize = 500;

/// An entry that is to be added.
#[derive(Clone)]
pub struct NewEntry {
    /// A value as a person gives it: it may be personal, and is neither kept nor shown as it is.
    pub value: String,
    /// The moment from which it does not count any more.
    pub expires_at: Option<Timestamp>,
}

impl Risk {
    /// All lists, those first that block by themselves.
    pub async fn list_lists(&self) -> Result<Vec<ListInfo>, Error> {
        Ok(self.store.read().await?.risk_lists().await?)
    }

    /// Makes an empty list; one that exists with this kind stays as it is.
    pub async fn create_list(&self, name: &str, kind: ListKind, note: &Note) -> Result<ListInfo, Error> {
        if !is_list_name(name) {
            return Err(Error::field("name", "must have 1 to 40 of a-z, 0-9 and _, a letter first"));
        }
        for _ in 0..TRIES {
            let mut session = self.store.read().await?;
            let read_revision = session.risk_policy_revision().await?;
            let lists = session.risk_lists().await?;
            drop(session);
            let count = lists.len();
            match lists.into_iter().find(|list| list.name == name) {
                Some(list) if list.kind == kind => return Ok(list),
                Some(list) => {
                    return Err(Error::field("kind", format!("the list exists, with the kind {}", list.kind.as_str())));
                }
                None if count >= MOST_LISTS => return Err(full(format!("there are {MOST_LISTS} lists already"))),
                None => {}
            }
            let made = Change::RiskList { name: name.to_owned(), kind, created_at: self.now() };
            let audited = self
                .audited(note, AuditAction::RiskListCreate, ("risk_list", name))
                .to(&json!({"kind": kind.as_str()}));
            let audited = Change::AuditEntry(Box::new(audited));
            if self.commit_policy([Change::RiskPolicy { read_revision }, made, audited]).await? {
                return Ok(ListInfo { name: name.to_owned(), kind, entries: 0 });
            }
        }
        Err(too_busy())
    }

    /// Adds entries to a list, at most [`MOST_AT_ONCE`]; of those that are on it, expiry and reason are replaced. Returns them as
    /// they are kept.
    pub async fn add_list_entries(&self, list: &str, new: &[NewEntry], note: &Note) -> Result<Vec<ListEntry>, Error> {
        let kind = self.kind_of(list).await?;
        let entries = self.entries(list, kind, new, note)?;
        for _ in 0..TRIES {
            let mut session = self.store.read().await?;
            let read_revision = session.risk_policy_revision().await?;
            let total: u64 = session.risk_lists().await?.iter().map(|list| list.entries).sum();
            let values: Vec<_> = entries.iter().map(|entry| entry.value.clone()).collect();
            let known = session.risk_values_on(list, &values).await?.len();
            drop(session);
            let more = (entries.len() - known.min(entries.len())) as u64;
            if total + more > MOST_ENTRIES as u64 {
                return Err(full(format!("all lists together may have {MOST_ENTRIES} entries, and have {total}")));
            }
            let audited = self
                .audited(note, AuditAction::RiskListAdd, ("risk_list", list))
                .from(&json!({"known": known}))
                .to(&json!({"entries": entries.len()}));
            let added = entries.iter().cloned().map(Change::RiskListEntry);
            let around = [Change::RiskPolicy { read_revision }, Change::AuditEntry(Box::new(audited))];
            if self.commit_policy(around.into_iter().chain(added)).await? {
                return Ok(entries);
            }
        }
        Err(too_busy())
    }

    /// The places of the values that do not fit the list, each with what it must be.
    pub async fn misfits<'a>(
        &self,
        list: &str,
        values: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<(usize, String)>, Error> {
        let kind = self.kind_of(list).await?;
        let misfit = |(place, value)| read_value(kind, value, &self.hasher).err().map(|must| (place, must));
        Ok(values.enumerate().filter_map(misfit).collect())
    }

    /// Removes an entry from a list. One that is not on it is `NOT_FOUND`.
    pub async fn remove_list_entry(&self, list: &str, value: &str, note: &Note) -> Result<(), Error> {
        let kind = self.kind_of(list).await?;
        let value = read_value(kind, value, &self.hasher).map_err(|must| Error::field("value", must))?;
        for _ in 0..TRIES {
            let mut session = self.store.read().await?;
            let read_revision = session.risk_policy_revision().await?;
            let known = session.risk_values_on(list, std::slice::from_ref(&value)).await?;
            drop(session);
            if known.is_empty() {
                return Err(Error::not_found("list_entry", &value));
            }
            let removed = Change::RemoveRiskListEntry { list: list.to_owned(), value: value.clone() };
            let audited =
                self.audited(note, AuditAction::RiskListRemove, ("risk_list", list)).to(&json!({"entries": -1}));
            let audited = Change::AuditEntry(Box::new(audited));
            if self.commit_policy([Change::RiskPolicy { read_revision }, removed, audited]).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    /// Lists the entries of a list, by their values.
    pub async fn list_list_entries(&self, caller: &Caller, list: &str, page: Page) -> Result<Paged<ListEntry>, Error> {
        let tokens = self.page_tokens.of(caller, ("risk_list_entries", list));
        let after = tokens.read(&page.token)?;
        let found = self.list_entries(list, after.as_deref(), page.size + 1).await?;
        Ok(tokens.page(found, page.size, |entry| &entry.value))
    }

    /// The entries of a list by their values, after one when it is given.
    pub async fn list_entries(&self, list: &str, after: Option<&str>, limit: u32) -> Result<Vec<ListEntry>, Error> {
        self.kind_of(list).await?;
        let after = after.map(|value| (list, value));
        Ok(self.store.read().await?.risk_list_entries(Some(list), after, limit).await?)
    }

    /// Deletes at most `limit` entries that have expired. Returns how many.
    pub async fn prune_list_entries(&self, limit: u32) -> Result<usize, Error> {
        let deleted = self.store.delete_expired_list_entries(self.now(), limit).await?;
        Ok(usize::try_from(deleted).unwrap_or(usize::MAX))
    }

    /// The kind of a list that exists.
    async fn kind_of(&self, list: &str) -> Result<ListKind, Error> {
        if let Some(kind) = hard_list(list) {
            return Ok(kind);
        }
        let lists = self.list_lists().await?;
        let found = lists.into_iter().find(|known| known.name == list);
        found.map(|list| list.kind).ok_or_else(|| Error::not_found("list", list))
    }

    /// The entries as they are kept, each value once; or everything that is wrong with them.
    fn entries(&self, list: &str, kind: ListKind, new: &[NewEntry], note: &Note) -> Result<Vec<ListEntry>, Error> {
        if !(1..=MOST_AT_ONCE).contains(&new.len()) {
            return Err(Error::field("entries", format!("must have 1 to {MOST_AT_ONCE} entries")));
        }
        let (mut entries, mut violations) = (BTreeMap::new(), Vec::new());
        for (place, NewEntry { value, expires_at }) in new.iter().enumerate() {
            let mut refuse = |field: &str, description: String| {
                violations.push(Violation { field: format!("entries[{place}].{field}"), description });
            };
            if expires_at.is_some_and(|expires_at| expires_at <= self.now()) {
                refuse("expires_at", "must be a time to come".to_owned());
            }
            match read_value(kind, value, &self.hasher) {
                Ok(value) => {
                    let entry = self.entry(list, value.clone(), *expires_at, note);
                    entries.insert(value, entry);
                }
                Err(must) => refuse("value", must),
            }
        }
        if violations.is_empty() { Ok(entries.into_values().collect()) } else { Err(Error::fields(violations)) }
    }

    fn entry(&self, list: &str, value: String, expires_at: Option<Timestamp>, note: &Note) -> ListEntry {
        ListEntry {
            list: list.to_owned(),
            value,
            expires_at,
            reason: note.reason.clone(),
            added_by: note.by.to_string(),
            added_at: self.now(),
        }
    }
}

fn full(message: String) -> Error {
    Error::new(Reason::RiskListsFull, message)
}
