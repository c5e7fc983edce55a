//! The filter of customers.

use crate::{
    domain::{
        customer::Customer,
        ids::PartnerId,
        list_filters::{CustomerFilter, ListOrder},
        search_term::{SearchTerm, SearchedKind, TermHash},
    },
    store::{
        Error, ListPosition,
        customers::read,
        list::ReadRow,
        list_filter::{ListFilter, Start},
        list_query::ListQuery,
        search::Search,
    },
};

impl ListFilter for CustomerFilter {
    type Item = Customer;
    const TABLE: &'static str = "customers";
    const KIND: SearchedKind = SearchedKind::Customer;

    fn read() -> ReadRow<Customer> {
        read
    }

    fn order(&self) -> ListOrder {
        self.order()
    }

    fn terms(&self) -> &[SearchTerm] {
        &self.terms
    }

    fn is_plain(&self) -> bool {
        self.order() == ListOrder::Creation && self.terms.is_empty()
    }

    fn select(&self, columns: &str, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        ListQuery::of(columns, Self::TABLE)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and_after_position(after)?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)
    }

    fn search(&self, partner: &PartnerId, terms: &[TermHash], after: Option<&ListPosition>) -> Result<Search, Error> {
        let has_few = self.reference_id.is_some();
        let (start, terms) = Start::of(self.order(), self.reference_prefix.as_ref(), terms, has_few);
        start
            .search(self, self.created, partner, after)?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)?
            .and_terms(terms)
    }
}
