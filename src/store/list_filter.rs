//! A filter of a list as SQL: by the index that leaves the fewest rows to look at.

use super::{Error, ListPosition, list::ReadRow, list_query::ListQuery, search::Search};
use crate::domain::{
    clock::TimeRange,
    ids::PartnerId,
    list_filters::ListOrder,
    search_term::{SearchTerm, SearchedKind, TermHash},
};

/// A filter of one table's rows.
pub(super) trait ListFilter {
    type Item;
    const TABLE: &'static str;
    const KIND: SearchedKind;

    fn read() -> ReadRow<Self::Item>;

    /// The order of what it shows.
    fn order(&self) -> ListOrder;

    /// The terms that it asks for.
    fn terms(&self) -> &[SearchTerm];

    /// Whether [`Self::select`] finds what it shows and nothing else, so that no row is looked at which is not shown.
    fn is_plain(&self) -> bool;

    /// These columns of the partner's rows that one of the table's own indexes finds, after `after`.
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
    /// The start, and the terms that are left; `has_few` when the table's own indexes leave few rows. Terms are kept by creation,
    /// and so begin no list in another order.
    pub(super) fn of(
        order: ListOrder,
        prefix: Option<&'a String>,
        terms: &'a [TermHash],
        has_few: bool,
    ) -> (Self, &'a [TermHash]) {
        match (prefix, terms) {
            (Some(prefix), terms) => (Self::References(prefix), terms),
            (None, [first, others @ ..]) if order == ListOrder::Creation && !has_few => (Self::Term(*first), others),
            (None, terms) => (Self::Table, terms),
        }
    }

    /// The search that begins there, to which all that the filter asks for beside terms is still to be added.
    pub(super) fn search<F: ListFilter>(
        self,
        filter: &F,
        created: TimeRange,
        partner: &PartnerId,
        after: Option<&ListPosition>,
    ) -> Result<Search, Error> {
        match (self, filter.order()) {
            (Self::References(prefix), _) => Search::by_reference(partner, prefix, F::TABLE, after),
            (Self::Term(term), _) => Search::by_term(term, F::TABLE, created, after),
            (Self::Table, ListOrder::Change) => {
                let window = filter.select("updated_at AS created_at, updated_at, id", partner, after)?;
                Ok(Search::within(window, F::TABLE, ListOrder::Change))
            }
            (Self::Table, order) => {
                Ok(Search::within(filter.select("created_at, id", partner, after)?, F::TABLE, order))
            }
        }
    }
}
