//! The filters of lists as SQL, each by the index that leaves the fewest rows to look at: that of a reference, of the beginning of
//! references, of a term, or one of the table's own, among which the database chooses.

use super::{Error, Found, ListPosition, ReadSession, list::Listing, list_filter::ListFilter};
use crate::domain::{
    customer::Customer,
    ids::PartnerId,
    list_filters::{CustomerFilter, ListOrder, PaymentIntentFilter, RefundFilter},
    payment_intent::PaymentIntent,
    refund::Refund,
};

mod customers;
mod payment_intents;
#[cfg(test)]
mod plans;
mod refunds;

impl ReadSession {
    /// The partner's intents that the filter shows, after `after`: at most `limit`, or fewer when many had to be examined.
    pub async fn payment_intents(
        &mut self,
        partner: &PartnerId,
        filter: &PaymentIntentFilter,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Found<PaymentIntent>, Error> {
        self.filtered(partner, filter, after, limit).await
    }

    /// The same of refunds.
    pub async fn refunds(
        &mut self,
        partner: &PartnerId,
        filter: &RefundFilter,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Found<Refund>, Error> {
        self.filtered(partner, filter, after, limit).await
    }

    /// The same of customers.
    pub async fn customers(
        &mut self,
        partner: &PartnerId,
        filter: &CustomerFilter,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Found<Customer>, Error> {
        self.filtered(partner, filter, after, limit).await
    }

    async fn filtered<F: ListFilter>(
        &mut self,
        partner: &PartnerId,
        filter: &F,
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Found<F::Item>, Error> {
        let place = |later: Option<ListPosition>| later.or_else(|| after.clone());
        if filter.is_plain() {
            let select = |later| filter.select("*", partner, place(later).as_ref());
            let is_by_change = filter.order() == ListOrder::Change;
            let listing = if is_by_change { Listing::by_change } else { Listing::by_creation }(F::TABLE);
            let items = self.list(listing, limit, select, F::read()).await?;
            return Ok(Found { items, rest: None });
        }
        let hasher = &self.shared.terms;
        let terms: Vec<_> = filter.terms().iter().map(|term| hasher.hash(partner, F::KIND, term)).collect();
        let select = |later| filter.search(partner, &terms, place(later).as_ref());
        self.search(limit, select, F::read(), |item| filter.shows(item)).await
    }
}
