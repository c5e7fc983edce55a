//! RefundService: money back.

use tonic::{Request, Response, Status};

use crate::{
    app::{paging::Page, refunds::CreateRefund},
    domain::{
        ids::RefundId,
        list_filters::RefundFilter,
        refund::{Refund, RefundDetails, RefundState},
    },
    error::{Error, Reason},
    pb,
    pb::refund_service_server::RefundService,
};

use super::{fields::Fields, filters, formats, handler, handlers::Handlers, states, timestamps};

/// The longest reason, in characters.
const MAX_REASON: usize = 255;

#[tonic::async_trait]
impl RefundService for Handlers {
    async fn create_refund(
        &self,
        request: Request<pb::CreateRefundRequest>,
    ) -> Result<Response<pb::CreateRefundResponse>, Status> {
        let named = handler::naming(&request.get_ref().payment_id);
        let (caller, input) = handler::mutation(&self.app.payments, request, create)?;
        if caller.idempotency.is_none() && input.reference_id.is_none() {
            return Err(unfenced().into());
        }
        let answer = self.app.payments.create_refund(caller, input).await.map_err(named)?;
        Ok(handler::answer(answer, |refund| pb::CreateRefundResponse { refund: Some(refund.into()) }))
    }

    async fn get_refund(
        &self,
        request: Request<pb::GetRefundRequest>,
    ) -> Result<Response<pb::GetRefundResponse>, Status> {
        let (caller, id) = handler::query(request, |fields, message| {
            fields.id("id", &message.id, RefundId::parse, "of a refund, re_…")
        })?;
        let refund = self.app.payments.get_refund(&caller, id).await?;
        Ok(Response::new(pb::GetRefundResponse { refund: Some(refund.into()) }))
    }

    async fn list_refunds(
        &self,
        request: Request<pb::ListRefundsRequest>,
    ) -> Result<Response<pb::ListRefundsResponse>, Status> {
        let (caller, (filter, page)) = handler::query(request, list)?;
        let list = |page| self.app.payments.list_refunds(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListRefundsResponse {
            refunds: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }
}

fn create(fields: &mut Fields, message: pb::CreateRefundRequest) -> Option<CreateRefund> {
    let payment_intent_id = fields.payment_intent_id("payment_id", &message.payment_id);
    let amount = message.amount.map(|amount| {
        if amount.is_empty() {
            fields.refuse("amount", "must not be empty; leave it out to refund the whole rest");
        }
        fields.optional("amount", amount, formats::amount)
    });
    let reason = fields.optional("reason", message.reason, formats::prose(MAX_REASON));
    let reference_id = fields.reference(message.reference_id);
    let metadata = fields.metadata(message.metadata);
    Some(CreateRefund {
        payment_intent_id: payment_intent_id?,
        amount,
        reference_id,
        details: RefundDetails { reason, metadata },
    })
}

/// The refusal of a refund that a repetition of the call would make a second time.
fn unfenced() -> Error {
    let message = "a refund needs the metadata idempotency-key or a reference_id: without either, this call made again \
                   would refund twice";
    Error::new(Reason::IdempotencyKeyRequired, message)
}

fn list(fields: &mut Fields, message: pb::ListRefundsRequest) -> Option<(RefundFilter, Page)> {
    let number = |state: RefundState| pb::RefundState::from(state).into();
    let payment_intent_id = fields.optional_payment_intent_id("payment_id", &message.payment_id);
    let states = states::read(fields, RefundState::ALL, number, &message.states);
    let (currency, amount) = filters::money(fields, &message.currency, &message.amount_from, &message.amount_to);
    let filter = RefundFilter {
        payment_intent_id,
        states,
        reference_id: fields.known_reference(message.reference_id),
        reference_prefix: fields.reference_prefix(message.reference_prefix),
        terms: filters::metadata(fields, message.metadata),
        currency,
        amount,
        created: timestamps::range(fields, "created", message.created_from, message.created_before),
        updated: timestamps::range(fields, "updated", message.updated_from, message.updated_before),
    };
    Some((filter, fields.page(message.page_size, message.page_token)))
}

impl From<Refund> for pb::Refund {
    fn from(refund: Refund) -> Self {
        let outcome_unknown = refund.is_outcome_unknown();
        Self {
            id: refund.id.to_string(),
            upstream_id: refund.upstream_id.unwrap_or_default(),
            payment_intent_id: refund.payment_intent_id.to_string(),
            payment_id: refund.payment_intent_id.payment_id(),
            state: pb::RefundState::from(refund.state).into(),
            outcome_unknown,
            amount: refund.amount.to_string(),
            currency: refund.amount.currency.code().to_owned(),
            reason: refund.details.reason,
            reference_id: refund.reference_id.unwrap_or_default(),
            metadata: refund.details.metadata,
            failure: refund.failure.map(|failure| pb::RefundFailure { code: failure.code, message: failure.message }),
            created_at: Some(timestamps::wire(refund.created_at)),
            updated_at: Some(timestamps::wire(refund.updated_at)),
            erased_at: refund.erased_at.map(timestamps::wire),
            revision: refund.revision,
        }
    }
}

impl From<RefundState> for pb::RefundState {
    fn from(state: RefundState) -> Self {
        match state {
            RefundState::Pending => Self::Pending,
            RefundState::Succeeded => Self::Succeeded,
            RefundState::Failed => Self::Failed,
            RefundState::Canceled => Self::Canceled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Timestamp,
        ids::{Ids, PartnerId, PaymentIntentId},
        money::{Currency, Money},
        refund::RefundFailure,
    };

    #[test]
    fn a_refund_names_its_payment_by_either_id_and_may_leave_the_amount_out() {
        let id = PaymentIntentId::generate(&Ids::system());
        for payment_id in [id.to_string(), id.payment_id()] {
            let mut fields = Fields::default();
            let input = create(&mut fields, pb::CreateRefundRequest { payment_id, ..Default::default() });
            let input = fields.finish(input).unwrap();
            assert_eq!((input.payment_intent_id, input.amount, input.reference_id), (id.clone(), None, None));
        }
    }

    #[test]
    fn everything_wrong_with_a_refund_is_told_at_once() {
        let mut fields = Fields::default();
        let message = pb::CreateRefundRequest {
            payment_id: "re_1".to_owned(),
            amount: Some("all".to_owned()),
            reason: "r".repeat(256),
            reference_id: "r".repeat(101),
            metadata: [("k".to_owned(), "v".repeat(501))].into(),
        };
        let input = create(&mut fields, message);
        let error = fields.finish(input).unwrap_err();
        let paths: Vec<_> = error.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(paths, ["payment_id", "amount", "reason", "reference_id", "metadata[\"k\"]"]);
    }

    #[test]
    fn an_empty_amount_is_not_the_whole_rest() {
        let mut fields = Fields::default();
        let payment_id = PaymentIntentId::generate(&Ids::system()).to_string();
        let message = pb::CreateRefundRequest { payment_id, amount: Some(String::new()), ..Default::default() };
        let input = create(&mut fields, message);
        let error = fields.finish(input).unwrap_err();
        let wrong: Vec<_> = error.violations.iter().map(|wrong| (&*wrong.field, &*wrong.description)).collect();
        assert_eq!(wrong, [("amount", "must not be empty; leave it out to refund the whole rest")]);
    }

    #[test]
    fn a_refund_is_shown_in_its_currency_s_decimals() {
        let intent = PaymentIntentId::generate(&Ids::system());
        let shown: pb::Refund = Refund {
            id: RefundId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            payment_intent_id: intent.clone(),
            upstream_id: None,
            state: RefundState::Failed,
            amount: Money::new(1234, Currency::parse("KWD").unwrap()),
            reference_id: Some("order-1".to_owned()),
            details: RefundDetails::default(),
            failure: Some(RefundFailure { code: "refund_failed".to_owned(), message: "No.".to_owned() }),
            created_at: Timestamp::from_seconds(7),
            updated_at: Timestamp::from_seconds(8),
            erased_at: None,
            revision: 3,
        }
        .into();
        assert_eq!((shown.amount.as_str(), shown.currency.as_str()), ("1.234", "KWD"));
        assert_eq!(shown.payment_intent_id, intent.to_string());
        assert_eq!(shown.payment_id, intent.payment_id());
        assert_eq!((shown.state(), shown.upstream_id.as_str()), (pb::RefundState::Failed, ""));
        assert_eq!(shown.failure.unwrap().code, "refund_failed");
        assert_eq!((shown.outcome_unknown, shown.revision), (false, 3));
        assert_eq!((shown.created_at.unwrap().seconds, shown.updated_at.unwrap().seconds), (7, 8));
    }
}
