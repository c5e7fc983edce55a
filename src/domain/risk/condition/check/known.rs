//! The fields that are known to be there at a place of a condition, by what was asked before it.

use std::collections::BTreeSet;

use crate::domain::risk::condition::schema::{Field, Group, Presence};

/// A thing that can be known to be there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Field(&'static str),
    Group(Group),
    Metadata(String),
}

/// All that is known to be there.
#[derive(Clone, Default)]
pub(super) struct Known(BTreeSet<Thing>);

/// The fields that are known where a test is true, and where it is false.
#[derive(Clone, Default)]
pub(super) struct Narrowed {
    pub(super) if_true: Known,
    pub(super) if_false: Known,
}

impl Known {
    /// The knowledge where this field is there.
    pub(super) fn of(field: &Field) -> Self {
        let group = match field.presence {
            Presence::Always => None,
            Presence::With(group) => Some(group),
            Presence::Alone(group) => group,
        };
        Self([Thing::Field(field.path)].into_iter().chain(group.map(Thing::Group)).collect())
    }

    /// The knowledge where the metadata has this key.
    pub(super) fn of_metadata(key: &str) -> Self {
        Self(BTreeSet::from([Thing::Metadata(key.to_owned())]))
    }

    /// Whether this field is there.
    pub(super) fn has(&self, field: &Field) -> bool {
        match field.presence {
            Presence::Always => true,
            Presence::With(group) => self.0.contains(&Thing::Group(group)),
            Presence::Alone(_) => self.0.contains(&Thing::Field(field.path)),
        }
    }

    /// Whether the metadata has this key.
    pub(super) fn has_metadata(&self, key: &str) -> bool {
        self.0.contains(&Thing::Metadata(key.to_owned()))
    }

    /// The knowledge when both hold.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The knowledge when one of them holds, either.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }
}

impl Narrowed {
    pub(super) fn when_true(known: Known) -> Self {
        Self { if_true: known, if_false: Known::default() }
    }

    /// Of `a && b`.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { if_true: self.if_true.and(&other.if_true), if_false: self.if_false.or(&other.if_false) }
    }

    /// Of `a || b`.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self { if_true: self.if_true.or(&other.if_true), if_false: self.if_false.and(&other.if_false) }
    }

    /// Of `!a`.
    pub(super) fn not(self) -> Self {
        Self { if_true: self.if_false, if_false: self.if_true }
    }
}
