//! Chargebacks: listed. What Corefy says of a payment makes them, where it is merged.

use super::{
    call::Caller,
    paging::{Page, Paged},
    payments::Payments,
};
use crate::{
    domain::{chargeback::Chargeback, list_filters::ChargebackFilter},
    error::Error,
};

impl Payments {
    /// Lists the partner's chargebacks, newest first. Asks Corefy nothing.
    pub async fn list_chargebacks(
        &self,
        caller: &Caller,
        filter: ChargebackFilter,
        page: Page,
    ) -> Result<Paged<Chargeback>, Error> {
        let tokens = self.page_tokens.of(caller, ("chargebacks", &filter));
        let after = tokens.read_position(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.chargebacks(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page_by_creation(found, page.size, |chargeback| (chargeback.created_at, chargeback.id.as_str())))
    }
}
