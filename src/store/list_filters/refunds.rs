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
}

impl ListFilter for RefundFilter {
    type Item = Refund;
    const TABLE: &'static str = "refunds";
    const KIND: SearchedKind = SearchedKind::Refund;

    fn read() -> ReadRow<Refund> {
        read
    }

    fn terms(&self) -> &[SearchTerm] {
        &self.terms
    }

    fn is_plain(&self) -> bool {
        self.order() == ListOrder::Creation && self.terms.is_empty() && self.currency.is_none() && self.amount.is_open()
    }

    fn select(&self, columns: &str, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        ListQuery::of(columns, Self::TABLE)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and("payment_intent_id", "=", self.payment())?
            .and_after_position(after)?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)?
            .and_within("updated_at", self.updated)?
            .each("state", self.state_words())
    }

    fn search(&self, partner: &PartnerId, terms: &[TermHash], after: Option<&ListPosition>) -> Result<Search, Error> {
        // The refunds of one payment are few.
        let has_few = self.reference_id.is_some() || self.payment_intent_id.is_some();
        let (start, terms) = Start::of(self.reference_prefix.as_ref(), terms, has_few);
        let (mut search, is_open) = start.search(self, self.created, partner, after)?;
        if is_open {
            search = search
                .and("payment_intent_id", "=", self.payment())?
                .and("reference_id", "=", self.reference_id.clone())?
                .and_within("created_at", self.created)?
                .and_within("updated_at", self.updated)?
                .and_in("state", self.state_words())?;
        }
        search.and_money(self.currency, self.amount)?.and_terms(terms)
    }
}
