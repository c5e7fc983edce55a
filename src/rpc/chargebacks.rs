//! Chargebacks, and the list of them, as they go over the wire.

use crate::{
    app::paging::Page,
    domain::{chargeback::Chargeback, list_filters::ChargebackFilter},
    pb,
};

use super::{fields::Fields, timestamps};

/// Reads which chargebacks are asked for.
pub(super) fn list(fields: &mut Fields, message: pb::ListChargebacksRequest) -> Option<(ChargebackFilter, Page)> {
    let filter = ChargebackFilter {
        payment_intent_id: fields.optional_payment_intent_id("payment_intent_id", &message.payment_intent_id),
        created: timestamps::range(fields, "created", message.created_from, message.created_before),
    };
    Some((filter, fields.page(message.page_size, message.page_token)))
}

impl From<Chargeback> for pb::Chargeback {
    fn from(chargeback: Chargeback) -> Self {
        Self {
            id: chargeback.id.to_string(),
            payment_intent_id: chargeback.payment_intent_id.to_string(),
            payment_id: chargeback.payment_intent_id.payment_id(),
            upstream_payment_id: chargeback.upstream_payment_id.unwrap_or_default(),
            amount: chargeback.amount.to_string(),
            total: chargeback.total.to_string(),
            currency: chargeback.amount.currency.code().to_owned(),
            created_at: Some(timestamps::wire(chargeback.created_at)),
        }
    }
}
