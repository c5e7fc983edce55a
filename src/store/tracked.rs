//! Objects with the version of the row they were read from. Only the store makes one of a row, and a write of it states that
//! version: what was not read cannot be updated, and what has changed since is not overwritten.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::domain::{
    customer::Customer, erasure::job::Erasure, payment_intent::PaymentIntent, payment_method::PaymentMethod,
    refund::Refund, risk::history::RiskSubject, search_term::SearchTerm,
};

/// An object, the version of its row as it was read, and how a decision leaves it.
#[derive(Clone, Debug)]
pub struct Tracked<T> {
    object: T,
    /// `None`: there is no row yet.
    version: Option<i64>,
    pending: Pending,
    /// The terms that its row is found by.
    known_terms: Arc<[SearchTerm]>,
}

/// How a write of an object changes the terms that it is found by.
pub(super) struct TermChanges {
    pub(super) new: Vec<SearchTerm>,
    pub(super) gone: Vec<SearchTerm>,
}

/// A decision about an object that is not written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    Write,
    Delete,
}

/// The statement that an object needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowWrite {
    Insert,
    /// Of the row of this version.
    Update(i64),
    /// Of the row of this version.
    Delete(i64),
}

/// The version of an object's row.
pub trait Versioned {
    /// The version of its row once it is written, which had the version `before`.
    fn version_after(&self, before: Option<i64>) -> i64;

    /// The terms that it is found by.
    fn search_terms(&self) -> Vec<SearchTerm> {
        Vec::new()
    }
}

impl Versioned for PaymentIntent {
    /// Counts every write: some change what no caller sees, and so not the revision.
    fn version_after(&self, before: Option<i64>) -> i64 {
        before.map_or(0, |version| version + 1)
    }

    fn search_terms(&self) -> Vec<SearchTerm> {
        Self::search_terms(self)
    }
}

impl Versioned for Refund {
    fn version_after(&self, _: Option<i64>) -> i64 {
        self.revision
    }

    fn search_terms(&self) -> Vec<SearchTerm> {
        Self::search_terms(self)
    }
}

impl Versioned for Customer {
    fn version_after(&self, _: Option<i64>) -> i64 {
        self.revision
    }

    fn search_terms(&self) -> Vec<SearchTerm> {
        Self::search_terms(self)
    }
}

impl Versioned for PaymentMethod {
    fn version_after(&self, _: Option<i64>) -> i64 {
        self.revision
    }
}

impl Versioned for Erasure {
    fn version_after(&self, _: Option<i64>) -> i64 {
        self.revision
    }
}

impl Versioned for RiskSubject {
    fn version_after(&self, _: Option<i64>) -> i64 {
        self.revision
    }
}

impl<T> Tracked<T> {
    /// Tracks a new object, which is to be inserted.
    pub fn new(object: T) -> Self {
        Self { object, version: None, pending: Pending::Write, known_terms: Arc::default() }
    }

    /// Tracks an object that has no row and needs none while it stays as it is.
    pub(super) fn absent(object: T) -> Self {
        Self { object, version: None, pending: Pending::Nothing, known_terms: Arc::default() }
    }

    /// Decides that the object is to go.
    pub fn delete(&mut self) {
        self.pending = Pending::Delete;
    }

    /// Has the row written even if the object stays as it is, so that a decision which relies on it stands only if nobody has
    /// changed it since.
    pub fn require_unchanged(&mut self) {
        if self.pending == Pending::Nothing {
            self.pending = Pending::Write;
        }
    }

    /// Whether it was read from a row.
    pub(super) fn has_row(&self) -> bool {
        self.version.is_some()
    }

    /// Whether anything was decided about it that is not written.
    pub fn is_pending(&self) -> bool {
        self.pending != Pending::Nothing
    }

    /// A copy of the object as it is now.
    pub fn to_inner(&self) -> T
    where
        T: Clone,
    {
        self.object.clone()
    }

    /// The object alone.
    pub fn into_inner(self) -> T {
        self.object
    }

    /// The statement that it needs, if any.
    pub(super) fn row_write(&self) -> Option<RowWrite> {
        match (self.pending, self.version) {
            (Pending::Nothing, _) | (Pending::Delete, None) => None,
            (Pending::Write, None) => Some(RowWrite::Insert),
            (Pending::Write, Some(version)) => Some(RowWrite::Update(version)),
            (Pending::Delete, Some(version)) => Some(RowWrite::Delete(version)),
        }
    }
}

impl<T: Versioned> Tracked<T> {
    /// Tracks an object whose row has this version.
    pub(super) fn stored(object: T, version: i64) -> Self {
        let known_terms = object.search_terms().into();
        Self { object, version: Some(version), pending: Pending::Nothing, known_terms }
    }

    /// How its write changes the terms that it is found by.
    pub(super) fn term_changes(&self) -> TermChanges {
        let terms = match self.row_write() {
            None => return TermChanges { new: Vec::new(), gone: Vec::new() },
            Some(RowWrite::Delete(_)) => Vec::new(),
            Some(RowWrite::Insert | RowWrite::Update(_)) => self.object.search_terms(),
        };
        let gone = self.known_terms.iter().filter(|term| !terms.contains(term)).cloned().collect();
        let new = terms.into_iter().filter(|term| !self.known_terms.contains(term)).collect();
        TermChanges { new, gone }
    }

    /// Notes that what was decided is durable, so that the next decision builds on it without reading.
    pub fn mark_committed(&mut self) {
        if self.pending == Pending::Write {
            self.version = Some(self.object.version_after(self.version));
            self.known_terms = self.object.search_terms().into();
        }
        self.pending = Pending::Nothing;
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T> DerefMut for Tracked<T> {
    /// Has the object written: access to change it is taken as a change.
    fn deref_mut(&mut self) -> &mut T {
        self.require_unchanged();
        &mut self.object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is found by each of its letters.
    impl Versioned for String {
        fn version_after(&self, before: Option<i64>) -> i64 {
            before.map_or(0, |version| version + 1)
        }

        fn search_terms(&self) -> Vec<SearchTerm> {
            self.chars().map(|letter| SearchTerm::email(&letter.to_string())).collect()
        }
    }

    fn found_by(letters: &str) -> Vec<SearchTerm> {
        Versioned::search_terms(&letters.to_owned())
    }

    #[test]
    fn a_write_changes_no_terms_but_those_that_are_new_or_gone() {
        let changes = |tracked: &Tracked<String>| {
            let TermChanges { new, gone } = tracked.term_changes();
            (new, gone)
        };
        let mut tracked = Tracked::new("ab".to_owned());
        assert_eq!(changes(&tracked), (found_by("ab"), found_by("")));
        tracked.mark_committed();
        assert_eq!(changes(&tracked), (found_by(""), found_by("")));
        "bcd".clone_into(&mut tracked);
        assert_eq!(changes(&tracked), (found_by("cd"), found_by("a")));
        tracked.mark_committed();
        tracked.delete();
        assert_eq!(changes(&tracked), (found_by(""), found_by("bcd")));
        assert_eq!(changes(&Tracked::stored("ab".to_owned(), 1)), (found_by(""), found_by("")));
    }

    #[test]
    fn an_object_that_was_only_read_needs_no_statement() {
        let tracked = Tracked::stored(String::from("a"), 7);
        assert_eq!(tracked.len(), 1);
        assert_eq!(tracked.row_write(), None);
    }

    #[test]
    fn a_write_states_the_version_that_was_read() {
        let mut tracked = Tracked::stored(String::from("a"), 7);
        tracked.push('b');
        assert_eq!(tracked.row_write(), Some(RowWrite::Update(7)));
        tracked.delete();
        assert_eq!(tracked.row_write(), Some(RowWrite::Delete(7)));
        assert_eq!(Tracked::new(()).row_write(), Some(RowWrite::Insert));
    }

    #[test]
    fn an_object_without_a_row_needs_one_once_it_is_changed() {
        let mut tracked = Tracked::absent(String::from("a"));
        assert_eq!(tracked.row_write(), None);
        tracked.push('b');
        assert_eq!(tracked.row_write(), Some(RowWrite::Insert));
    }

    #[test]
    fn an_object_that_was_made_and_taken_back_needs_no_statement() {
        let mut tracked = Tracked::new(());
        tracked.delete();
        assert_eq!(tracked.row_write(), None);
    }
}
