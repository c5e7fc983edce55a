//! A filter of a list as SQL: by the index that leaves the fewest rows to look at.

use super::{Error, ListPosition, list::ReadRow, list_query::ListQuery, search::Search};
use crate::domain::{
    clock::TimeRange,
    ids::PartnerId,
    search_term::{SearchTerm, SearchedKind, TermHash},
};

/// A filter of one table's rows.
pub(super) trait ListFilter {
    type Item;
    const TABLE: &'static str;
    const KIND: SearchedKind;

    fn read() -> ReadRow<Self::Item>;

    /// The terms that it asks for.
    fn terms(&self) -> &[SearchTerm];

    /// Whether the table's own indexes answer it, so that no row is looked at which is not shown.
    fn is_plain(&self) -> bool;

    /// These columns of the partner's rows that the table's own indexes find, after `after`.
    fn select(&self, columns: &str, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error>;

    /// The partner's rows that it shows, after `after`; `terms` are its terms as they are kept.
    fn search(&self, partner: &PartnerId, terms: &[TermHash], after: Option<&ListPosition>) -> Result<Search, Error>;

    /// Whether it shows what the search has found, by what is sealed in it.
    fn shows(&self, _: &Self::Item) -> bool {
        true
    }
}

/// The index that a search begins with.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// That of references, at those with this beginning.
    References(&'a str),
    /// That of terms.
    Term(TermHash),
    /// One of the table's own.
    Table,
}

impl<'a> Start<'a> {
    /// The start, and the terms that are left; `has_few` when the table's own indexes leave few rows.
    pub(super) fn of(prefix: Option<&'a String>, terms: &'a [TermHash], has_few: bool) -> (Self, &'a [TermHash]) {
        match (prefix, terms) {
            (Some(prefix), terms) => (Self::References(prefix), terms),
            (None, [first, others @ ..]) if !has_few => (Self::Term(*first), others),
            (None, terms) => (Self::Table, terms),
        }
    }

    /// The search that begins there, and whether the filters that the table's own indexes answer are left to it.
    pub(super) fn search<F: ListFilter>(
        self,
        filter: &F,
        created: TimeRange,
        partner: &PartnerId,
        after: Option<&ListPosition>,
    ) -> Result<(Search, bool), Error> {
        Ok(match self {
            Self::References(prefix) => (Search::by_reference(partner, prefix, F::TABLE, after)?, true),
            Self::Term(term) => (Search::by_term(term, F::TABLE, created, after)?, true),
            Self::Table => (Search::within(filter.select("created_at, id", partner, after)?, F::TABLE), false),
        })
    }
}
