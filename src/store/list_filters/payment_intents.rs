//! The filter of payment intents.

use crate::{
    domain::{
        ids::PartnerId,
        list_filters::{ListOrder, PaymentIntentFilter},
        payment_intent::{PaymentIntent, PaymentIntentState},
        search_term::{SearchTerm, SearchedKind, TermHash},
    },
    store::{
        Error, ListPosition,
        list::ReadRow,
        list_filter::{ListFilter, Start},
        list_query::ListQuery,
        payment_intents::read,
        search::Search,
    },
};

const WITH_REFUNDS: &str = "EXISTS (SELECT 1 FROM refunds WHERE refunds.payment_intent_id = candidate.id {each})";
const WITHOUT_REFUNDS: &str =
    "NOT EXISTS (SELECT 1 FROM refunds WHERE refunds.payment_intent_id = candidate.id {each})";

impl PaymentIntentFilter {
    /// The states that it shows: that of an unknown outcome when that is all that is asked for.
    fn state_words(&self) -> impl Iterator<Item = &'static str> {
        let is_implied = self.only_outcome_unknown && self.states.is_empty();
        let implied = is_implied.then_some(PaymentIntentState::Processing);
        self.states.iter().copied().chain(implied).map(PaymentIntentState::as_str)
    }

    fn customer(&self) -> Option<String> {
        self.customer_id.as_ref().map(ToString::to_string)
    }
}

impl ListFilter for PaymentIntentFilter {
    type Item = PaymentIntent;
    const TABLE: &'static str = "payment_intents";
    const KIND: SearchedKind = SearchedKind::PaymentIntent;

    fn read() -> ReadRow<PaymentIntent> {
        read
    }

    fn order(&self) -> ListOrder {
        self.order()
    }

    fn terms(&self) -> &[SearchTerm] {
        &self.terms
    }

    fn is_plain(&self) -> bool {
        let order = self.order();
        let by = [
            self.reference_id.is_some(),
            self.customer_id.is_some(),
            !self.states.is_empty(),
            order == ListOrder::Change,
        ];
        by.into_iter().filter(|is_set| *is_set).count() <= 1
            && order != ListOrder::Reference
            && (order == ListOrder::Creation || self.created.is_open())
            && self.terms.is_empty()
            && self.currency.is_none()
            && self.amount.is_open()
            && self.has_refunds.is_none()
            && !self.only_outcome_unknown
    }

    fn select(&self, columns: &str, partner: &PartnerId, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
        let query = ListQuery::of(columns, Self::TABLE)
            .and("partner_id", "=", Some(partner.as_str().to_owned()))?
            .and_after_in(self.order(), after)?;
        match (&self.reference_id, self.customer()) {
            (Some(reference), _) => {
                query.and("reference_id", "=", Some(reference.clone()))?.and_within("created_at", self.created)
            }
            (None, _) if self.order() == ListOrder::Change => query.and_within("updated_at", self.updated),
            (None, Some(customer)) => {
                query.and("customer_id", "=", Some(customer))?.and_within("created_at", self.created)
            }
            (None, None) => query.and_within("created_at", self.created)?.each("state", self.state_words()),
        }
    }

    fn search(&self, partner: &PartnerId, terms: &[TermHash], after: Option<&ListPosition>) -> Result<Search, Error> {
        let has_few = self.reference_id.is_some();
        let (start, terms) = Start::of(self.order(), self.reference_prefix.as_ref(), terms, has_few);
        let mut search = start
            .search(self, self.created, partner, after)?
            .and("customer_id", "=", self.customer())?
            .and("reference_id", "=", self.reference_id.clone())?
            .and_within("created_at", self.created)?
            .and_within("updated_at", self.updated)?
            .and_in("state", self.state_words())?;
        if let Some(has_refunds) = self.has_refunds {
            search = search.only(if has_refunds { WITH_REFUNDS } else { WITHOUT_REFUNDS });
        }
        search.and_money(self.currency, self.amount)?.and_terms(terms)
    }

    fn shows(&self, intent: &PaymentIntent) -> bool {
        !self.only_outcome_unknown || intent.is_outcome_unknown()
    }
}
