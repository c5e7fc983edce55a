//! Lists of risk on the wire.

use crate::{
    app::{
        paging::Page,
        risk::lists::{MOST_AT_ONCE, NewEntry},
    },
    domain::risk::{
        list_entry::{ListEntry, ListInfo},
        lists::{ListKind, hard_list, is_list_name},
    },
    pb,
};

use super::{
    fields::Fields,
    formats::{self, FormatVerdict},
    risk_rules::ChangeReason,
    timestamps,
};

/// Reads CreateList.
pub(super) fn create(fields: &mut Fields, message: pb::CreateListRequest) -> Option<(String, ListKind, ChangeReason)> {
    let name = fields.required("name", message.name, name);
    let kind = kind(fields, message.kind);
    let reason = ChangeReason::read(fields, message.reason);
    Some((name, kind?, reason))
}

/// Reads AddListEntries.
pub(super) fn add(
    fields: &mut Fields,
    message: pb::AddListEntriesRequest,
) -> Option<(String, Vec<NewEntry>, ChangeReason)> {
    let list = list(fields, message.list);
    if !(1..=MOST_AT_ONCE).contains(&message.entries.len()) {
        fields.refuse("entries", format!("must have 1 to {MOST_AT_ONCE} entries"));
    }
    let sent = message.entries.into_iter().take(MOST_AT_ONCE).enumerate();
    let entries =
        sent.map(|(place, entry)| fields.within(&format!("entries[{place}]"), |fields| new_entry(fields, entry)));
    let entries = entries.collect();
    Some((list, entries, ChangeReason::read(fields, message.reason)))
}

/// Reads RemoveListEntry.
pub(super) fn remove(
    fields: &mut Fields,
    message: pb::RemoveListEntryRequest,
) -> Option<(String, String, ChangeReason)> {
    let list = list(fields, message.list);
    let value = fields.required("value", message.value, |_| Ok(()));
    Some((list, value, ChangeReason::read(fields, message.reason)))
}

/// Reads ListListEntries.
pub(super) fn entries(fields: &mut Fields, message: pb::ListListEntriesRequest) -> Option<(String, Page)> {
    let list = list(fields, message.list);
    Some((list, fields.page(message.page_size, message.page_token)))
}

fn new_entry(fields: &mut Fields, sent: pb::NewRiskListEntry) -> NewEntry {
    // Its form hangs on the kind of the list.
    let value = fields.required("value", sent.value, |_| Ok(()));
    NewEntry { value, expires_at: timestamps::bound(fields, "expires_at", sent.expires_at) }
}

fn list(fields: &mut Fields, value: String) -> String {
    fields.required("list", value, name)
}

fn name(value: &str) -> FormatVerdict {
    formats::must(is_list_name(value), "must have 1 to 40 of a-z, 0-9 and _, a letter first")
}

fn kind(fields: &mut Fields, number: i32) -> Option<ListKind> {
    let kind = ListKind::ALL.iter().copied().find(|kind| i32::from(pb::RiskListKind::from(*kind)) == number);
    if kind.is_none() {
        fields.refuse("kind", "must be one of the values of RiskListKind");
    }
    kind
}

impl From<ListKind> for pb::RiskListKind {
    fn from(kind: ListKind) -> Self {
        match kind {
            ListKind::Card => Self::Card,
            ListKind::Bin => Self::Bin,
            ListKind::Email => Self::Email,
            ListKind::Domain => Self::Domain,
            ListKind::Ip => Self::Ip,
            ListKind::Country => Self::Country,
            ListKind::Customer => Self::Customer,
        }
    }
}

impl From<ListInfo> for pb::RiskList {
    fn from(list: ListInfo) -> Self {
        Self {
            kind: pb::RiskListKind::from(list.kind).into(),
            entry_count: i64::try_from(list.entries).unwrap_or(i64::MAX),
            blocks: hard_list(&list.name).is_some(),
            name: list.name,
        }
    }
}

impl From<ListEntry> for pb::RiskListEntry {
    fn from(entry: ListEntry) -> Self {
        Self {
            value: entry.value,
            expires_at: entry.expires_at.map(timestamps::wire),
            reason: entry.reason,
            added_by: entry.added_by,
            added_at: Some(timestamps::wire(entry.added_at)),
        }
    }
}
