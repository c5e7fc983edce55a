//! The table of search terms. They are written with their objects: those that are new of it, and those that it has no more.

use super::{
    Error, ListPosition, Store, Tracked, Versioned,
    columns::{get, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::Timestamp,
    ids::PartnerId,
    search_term::{SearchTerm, SearchedKind, TermHash, TermHasher},
};

pub(super) const TABLE: &str = "search_terms";

pub(super) static INSERT: Statement = Statement {
    rank: Rank::SearchTermInsert,
    columns: COLUMNS,
    sql: "INSERT INTO search_terms (term, created_at, id) SELECT term, created_at, id FROM {rows} WHERE TRUE
         ON CONFLICT (term, created_at, id) DO NOTHING",
};
pub(super) static DELETE: Statement = Statement {
    rank: Rank::SearchTermDelete,
    columns: COLUMNS,
    sql: "DELETE FROM search_terms
         WHERE (term, created_at, id) IN (SELECT new.term, new.created_at, new.id FROM {rows})",
};
const COLUMNS: &[(&str, super::writes::ColumnType)] = &[("term", Bytes), ("created_at", Int), ("id", Text)];

/// An object that is found by terms.
pub(super) struct Searched<'a> {
    pub(super) kind: SearchedKind,
    pub(super) partner: &'a PartnerId,
    pub(super) id: &'a str,
    pub(super) created_at: Timestamp,
}

impl Searched<'_> {
    /// The rows that `object`, which this is, needs besides its own.
    pub(super) fn writes<T: Versioned>(&self, object: &Tracked<T>, hasher: &TermHasher) -> Vec<Write> {
        let changes = object.term_changes();
        let write = |rank, term: &SearchTerm| {
            let hash = hasher.hash(self.partner, self.kind, term);
            let row = RowValues::new().and(hash.as_bytes()).and(self.created_at.0).and(self.id);
            Write::new(rank, self.id, row)
        };
        let gone = changes.gone.iter().map(|term| write(Rank::SearchTermDelete, term));
        gone.chain(changes.new.iter().map(|term| write(Rank::SearchTermInsert, term))).collect()
    }
}

impl Store {
    /// The terms as they are kept for the partner's objects of this kind.
    pub fn term_hashes(&self, partner: &PartnerId, kind: SearchedKind, terms: &[SearchTerm]) -> Vec<TermHash> {
        terms.iter().map(|term| self.shared.terms.hash(partner, kind, term)).collect()
    }

    /// The partner's objects of this kind that have this term, the last created first, at most `limit`, after `after`.
    pub async fn ids_by_term(
        &self,
        partner: &PartnerId,
        kind: SearchedKind,
        term: &SearchTerm,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<ListPosition>, Error> {
        self.ids_by_hash(self.shared.terms.hash(partner, kind, term), after, limit).await
    }

    /// The same by the term as it is kept.
    pub async fn ids_by_hash(
        &self,
        term: TermHash,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<ListPosition>, Error> {
        let query = select(term, after)?;
        let mut session = self.read().await?;
        let rows = query.fetch(session.connection(), Listing::by_creation(TABLE).order, limit).await?;
        rows.iter().map(|row| Ok(ListPosition { moment: time(row, "created_at")?, id: get(row, "id")? })).collect()
    }
}

/// The objects that have this term, after `after`.
pub(super) fn select(term: TermHash, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
    ListQuery::from(TABLE).and("term", "=", Some(term.as_bytes().to_vec()))?.and_after_position(after)
}
