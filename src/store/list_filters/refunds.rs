//! The filter of refunds.

use crate::{
    domain::{
        ids::PartnerId,
        list_filters::{ListOrder, RefundFilter},
        refund::Refund,
        search_term::{SearchTerm, SearchedKind, TermHash},
    },
    store::{
        Error, ListPosition,
        list::ReadRow,
        list_filter::{ListFilter, Start},
        list_query::ListQuery,
        refunds::read,
        search::Search,
    },
};

impl RefundFilter {
    fn state_words(&self) -> impl Iterator<Item = &'static str> {
        self.states.iter().map(|state| state.as_str())
    }

    fn payment(&self) -> Option<String> {
        self.payment_intent_id.as_ref().map(ToString::to_string)
    }

    /// Whether it leaves few rows before anything else is looked at: the refunds of one payment are few.
    fn has_few(&self) -> bool {
        self.reference_id.is_some() || self.payment_intent_id.is_some()
    }
}

impl ListFilter for RefundFilter {
    type Item = Refund;
    const TABLE: &'static str = "refunds";
    const KIND: SearchedKind = SearchedKind::Refund;

    fn read() -> ReadRow<Refund> {
        read
    }

    fn order(&self) -> ListOrder {
        self.order()
    }

    fn terms(&self) -> &[SearchTerm] {
        &self.terms
    }

    fn is_plain(&self) -> bool {
        let is_by_one_index = match self.order() {
            ListOrder::Creation => true,
            ListOrder::Change => self.has_few() || (self.states.is_empty() && self.created.is_open()),
            ListOrder::Reference => false,
        };
        is_by_one_index && self.terms.is_empty() && self.currency.is_none() && self.amount.is_open()
    }

    fn select(&self, columns: &str, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        let query = ListQuery::of(columns, Self::TABLE)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and_after_in(self.order(), after)?
            .and_within("updated_at", self.updated)?;
        if self.order() == ListOrder::Change && !self.has_few() {
            return Ok(query);
        }
        query
            .and("payment_intent_id", "=", self.payment())?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)?
            .each("state", self.state_words())
    }

    fn search(&self, partner: &PartnerId, terms: &[TermHash], after: Option<&ListPosition>) -> Result<Search, Error> {
        let (start, terms) = Start::of(self.order(), self.reference_prefix.as_ref(), terms, self.has_few());
        start
            .search(self, self.created, partner, after)?
            .and("payment_intent_id", "=", self.payment())?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)?
            .and_within("updated_at", self.updated)?
            .and_in("state", self.state_words())?
            .and_money(self.currency, self.amount)?
            .and_terms(terms)
    }
}
