//! PaymentIntentService: what is to be paid, and the paying of it.

use tonic::{Request, Response, Status};

use crate::{
    app::{paging::Page, payment_intents::CreatePaymentIntent},
    domain::{
        acceptance::Acceptance,
        decline::{Advice, PaymentError},
        ids::{CustomerId, PaymentIntentId},
        link,
        list_filters::PaymentIntentFilter,
        payment_intent::{PaymentIntent, PaymentIntentDetails, PaymentIntentState},
        private::Private,
    },
    pb,
    pb::payment_intent_service_server::PaymentIntentService,
};

use super::{
    chargebacks, confirmation, contacts,
    customers::{CUSTOMER_ID, MAX_NAME, address},
    fields::Fields,
    filters, formats, handler,
    handlers::Handlers,
    network_references,
    payment_methods::type_code,
    states, timestamps,
};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 255;
/// The longest reason of a cancellation, in characters.
const MAX_REASON: usize = 255;

#[tonic::async_trait]
impl PaymentIntentService for Handlers {
    async fn create_payment_intent(
        &self,
        request: Request<pb::CreatePaymentIntentRequest>,
    ) -> Result<Response<pb::CreatePaymentIntentResponse>, Status> {
        let rules = self.app.payments.acceptance();
        let (caller, input) =
            handler::mutation(&self.app.payments, request, |fields, message| create(fields, message, rules))?;
        let answer = self.app.payments.create_payment_intent(caller, input).await?;
        Ok(handler::answer(answer, |intent| pb::CreatePaymentIntentResponse { payment_intent: Some(intent.into()) }))
    }

    async fn confirm_payment_intent(
        &self,
        mut request: Request<pb::ConfirmPaymentIntentRequest>,
    ) -> Result<Response<pb::ConfirmPaymentIntentResponse>, Status> {
        let now = self.app.payments.now();
        let cvv = confirmation::take_cvv(request.get_mut());
        let named = handler::naming(&request.get_ref().payment_intent_id);
        let (caller, (id, confirmation)) = handler::mutation(&self.app.payments, request, |fields, message| {
            confirmation::read(fields, message, &cvv, now)
        })?;
        let answer = self.app.payments.confirm_payment_intent(caller, id, confirmation).await.map_err(named)?;
        Ok(handler::answer(answer, |intent| pb::ConfirmPaymentIntentResponse { payment_intent: Some(intent.into()) }))
    }

    async fn get_payment_intent(
        &self,
        request: Request<pb::GetPaymentIntentRequest>,
    ) -> Result<Response<pb::GetPaymentIntentResponse>, Status> {
        let named = handler::naming(&request.get_ref().id);
        let (caller, id) = handler::query(request, |fields, message| fields.payment_intent_id("id", &message.id))?;
        let intent = self.app.payments.get_payment_intent(&caller, id).await.map_err(named)?;
        Ok(Response::new(pb::GetPaymentIntentResponse { payment_intent: Some(intent.into()) }))
    }

    async fn list_attempts(
        &self,
        request: Request<pb::ListAttemptsRequest>,
    ) -> Result<Response<pb::ListAttemptsResponse>, Status> {
        let named = handler::naming(&request.get_ref().payment_intent_id);
        let (caller, id) = handler::query(request, |fields, message| {
            fields.payment_intent_id("payment_intent_id", &message.payment_intent_id)
        })?;
        let intent = self.app.payments.get_payment_intent(&caller, id).await.map_err(named)?;
        let attempts = intent.attempts().into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListAttemptsResponse { attempts }))
    }

    async fn list_payment_intents(
        &self,
        request: Request<pb::ListPaymentIntentsRequest>,
    ) -> Result<Response<pb::ListPaymentIntentsResponse>, Status> {
        let (caller, (filter, page)) = handler::query(request, list)?;
        let list = |page| self.app.payments.list_payment_intents(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListPaymentIntentsResponse {
            payment_intents: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn list_chargebacks(
        &self,
        request: Request<pb::ListChargebacksRequest>,
    ) -> Result<Response<pb::ListChargebacksResponse>, Status> {
        let (caller, (filter, page)) = handler::query(request, chargebacks::list)?;
        let list = |page| self.app.payments.list_chargebacks(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListChargebacksResponse {
            chargebacks: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn cancel_payment_intent(
        &self,
        request: Request<pb::CancelPaymentIntentRequest>,
    ) -> Result<Response<pb::CancelPaymentIntentResponse>, Status> {
        let named = handler::naming(&request.get_ref().payment_intent_id);
        let (caller, (id, reason)) = handler::mutation(&self.app.payments, request, cancel)?;
        let answer = self.app.payments.cancel_payment_intent(caller, id, reason).await.map_err(named)?;
        Ok(handler::answer(answer, |intent| pb::CancelPaymentIntentResponse { payment_intent: Some(intent.into()) }))
    }
}

fn create(
    fields: &mut Fields,
    message: pb::CreatePaymentIntentRequest,
    rules: &Acceptance,
) -> Option<CreatePaymentIntent> {
    let currency = fields.currency(&message.currency);
    if currency.is_some_and(|currency| !rules.takes(currency)) {
        fields.refuse("currency", "must be a currency that this gateway is set to accept");
    }
    let amount = fields.amount(&message.amount, currency, &rules.amount_limits);
    if message.customer_id.is_empty() && message.customer_email.is_empty() {
        fields.refuse("customer_id", "one of customer_id and customer_email is required");
    }
    let customer_id = fields.optional_id("customer_id", &message.customer_id, CustomerId::parse, CUSTOMER_ID);
    let link = |value: &str| {
        formats::no_card_number(value)?;
        link::normalize(value, &rules.return_url_schemes)
    };
    let details = PaymentIntentDetails {
        payment_method_type: type_code(fields, "payment_method_type", message.payment_method_type),
        customer_email: Private::new(fields.normalized("customer_email", message.customer_email, contacts::email)),
        customer_name: Private::new(fields.optional("customer_name", message.customer_name, formats::words(MAX_NAME))),
        customer_phone: Private::new(fields.optional("customer_phone", message.customer_phone, contacts::phone)),
        description: fields.optional("description", message.description, formats::prose(MAX_DESCRIPTION)),
        return_url: fields.normalized("return_url", message.return_url, link),
        failure_url: fields.normalized("failure_url", message.failure_url, link),
        billing_address: message
            .billing_address
            .map(|sent| fields.within("billing_address", |fields| address(fields, sent))),
        metadata: fields.metadata(message.metadata),
    };
    let reference_id = fields.reference(message.reference_id);
    Some(CreatePaymentIntent { amount: amount?, customer_id, reference_id, details })
}

fn cancel(fields: &mut Fields, message: pb::CancelPaymentIntentRequest) -> Option<(PaymentIntentId, String)> {
    let id = fields.payment_intent_id("payment_intent_id", &message.payment_intent_id);
    let reason = fields.optional("reason", message.reason, formats::prose(MAX_REASON));
    Some((id?, reason))
}

fn list(fields: &mut Fields, message: pb::ListPaymentIntentsRequest) -> Option<(PaymentIntentFilter, Page)> {
    let states = states::read(fields, PaymentIntentState::ALL, number, &message.states);
    let customer_id = fields.optional_id("customer_id", &message.customer_id, CustomerId::parse, CUSTOMER_ID);
    let reference_id = fields.known_reference(message.reference_id);
    let reference_prefix = fields.reference_prefix(message.reference_prefix);
    // First the one that finds the fewest.
    let mut terms: Vec<_> = filters::email(fields, "customer_email", message.customer_email).into_iter().collect();
    terms.extend(filters::card(fields, &message.card_first6, &message.card_last4));
    terms.extend(filters::metadata(fields, message.metadata));
    terms.extend(filters::decline_code(fields, message.decline_code));
    terms.extend(filters::method_type(fields, message.payment_method_type));
    let (currency, amount) = filters::money(fields, &message.currency, &message.amount_from, &message.amount_to);
    let filter = PaymentIntentFilter {
        states,
        customer_id,
        reference_id,
        reference_prefix,
        terms,
        currency,
        amount,
        has_refunds: message.has_refunds,
        only_outcome_unknown: message.outcome_unknown,
        created: timestamps::range(fields, "created", message.created_from, message.created_before),
        updated: timestamps::range(fields, "updated", message.updated_from, message.updated_before),
    };
    Some((filter, fields.page(message.page_size, message.page_token)))
}

fn number(state: PaymentIntentState) -> i32 {
    pb::PaymentIntentState::from(state).into()
}

impl From<PaymentIntent> for pb::PaymentIntent {
    fn from(intent: PaymentIntent) -> Self {
        let outcome_unknown = intent.is_outcome_unknown();
        let attempt = intent.progress.attempt.clone().unwrap_or_default();
        let refundable = intent.refundable();
        Self {
            id: intent.id.to_string(),
            payment_id: intent.id.payment_id(),
            state: pb::PaymentIntentState::from(intent.state).into(),
            outcome_unknown,
            amount: intent.amount.to_string(),
            currency: intent.amount.currency.code().to_owned(),
            amount_received: intent.money(intent.received).to_string(),
            amount_refundable: refundable.to_string(),
            amount_refund_pending: intent.money(intent.refund_pending).to_string(),
            amount_refunded: intent.money(intent.refunded).to_string(),
            amount_charged_back: intent.money(intent.charged_back).to_string(),
            upstream_id: intent.upstream_id.unwrap_or_default(),
            payment_method_type: intent.details.payment_method_type,
            payment_method_id: attempt.payment_method_id.map(|id| id.to_string()).unwrap_or_default(),
            card: attempt.card.map(Into::into),
            customer_id: intent.customer_id.map(|id| id.to_string()).unwrap_or_default(),
            customer_email: intent.details.customer_email.expose().to_owned(),
            customer_name: intent.details.customer_name.expose().to_owned(),
            customer_phone: intent.details.customer_phone.expose().to_owned(),
            description: intent.details.description,
            reference_id: intent.reference_id.unwrap_or_default(),
            return_url: intent.details.return_url,
            failure_url: intent.details.failure_url,
            billing_address: intent.details.billing_address.map(Into::into),
            metadata: intent.details.metadata,
            network_references: network_references::shown(intent.progress.network_references),
            next_action: intent.progress.next_action.map(Into::into),
            last_payment_error: intent.progress.last_error.map(Into::into),
            cancellation_reason: intent.progress.cancellation_reason,
            sandbox: intent.sandbox,
            created_at: Some(timestamps::wire(intent.created_at)),
            updated_at: Some(timestamps::wire(intent.updated_at)),
            erased_at: intent.progress.erased_at.map(timestamps::wire),
            succeeded_at: intent.progress.succeeded_at.map(timestamps::wire),
            canceled_at: intent.progress.canceled_at.map(timestamps::wire),
            revision: intent.revision,
        }
    }
}

impl From<PaymentIntentState> for pb::PaymentIntentState {
    fn from(state: PaymentIntentState) -> Self {
        match state {
            PaymentIntentState::RequiresPaymentMethod => Self::RequiresPaymentMethod,
            PaymentIntentState::RequiresConfirmation => Self::RequiresConfirmation,
            PaymentIntentState::RequiresAction => Self::RequiresAction,
            PaymentIntentState::Processing => Self::Processing,
            PaymentIntentState::Succeeded => Self::Succeeded,
            PaymentIntentState::PartiallyPaid => Self::PartiallyPaid,
            PaymentIntentState::Canceled => Self::Canceled,
        }
    }
}

impl From<PaymentError> for pb::PaymentError {
    fn from(error: PaymentError) -> Self {
        let advice = match error.advice() {
            Advice::TryAgainLater => pb::PaymentErrorAdvice::TryAgainLater,
            Advice::CorrectDetails => pb::PaymentErrorAdvice::CorrectDetails,
            Advice::UseAnotherMethod => pb::PaymentErrorAdvice::UseAnotherMethod,
            Advice::DoNotRetry => pb::PaymentErrorAdvice::DoNotRetry,
        };
        let payer_message = error.payer_message().to_owned();
        Self { code: error.code, message: error.message, payer_message, advice: advice.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{
        clock::Timestamp,
        ids::{Ids, PartnerId},
        money::{Currency, Money},
        payment_intent::Progress,
        upstream_state::UpstreamState,
    };

    fn paths<T>(read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Vec<String>> {
        let mut fields = Fields::default();
        let input = read(&mut fields);
        fields.finish(input).map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    fn request() -> pb::CreatePaymentIntentRequest {
        pb::CreatePaymentIntentRequest {
            amount: "100".to_owned(),
            currency: "USD".to_owned(),
            customer_email: "jane@example.com".to_owned(),
            ..Default::default()
        }
    }

    fn create_accepting(
        message: pb::CreatePaymentIntentRequest,
        accepts: bool,
    ) -> Result<CreatePaymentIntent, Vec<String>> {
        let yen = if accepts { Vec::new() } else { vec![Currency::parse("JPY").unwrap()] };
        paths(|fields| create(fields, message, &Acceptance { currencies: yen, ..Acceptance::default() }))
    }

    #[test]
    fn an_intent_needs_little_and_means_a_card_when_it_names_no_method() {
        let input = create_accepting(request(), true).unwrap();
        assert_eq!(input.amount.to_string(), "100.00");
        assert_eq!(input.details.payment_method_type, "card");
        assert_eq!((input.customer_id, input.reference_id), (None, None));
    }

    #[test]
    fn a_currency_that_is_not_taken_here_is_refused() {
        assert_eq!(create_accepting(request(), false).unwrap_err(), ["currency"]);
    }

    #[test]
    fn everything_wrong_with_an_intent_is_told_at_once() {
        let message = pb::CreatePaymentIntentRequest {
            amount: "1.001".to_owned(),
            currency: "USD".to_owned(),
            payment_method_type: "Card".to_owned(),
            customer_name: "n".repeat(101),
            customer_phone: "p".to_owned(),
            description: "d".repeat(256),
            reference_id: "r".repeat(101),
            return_url: "shop".to_owned(),
            failure_url: "ftp://shop.example".to_owned(),
            billing_address: Some(pb::Address { country: "Utopia".to_owned(), ..Default::default() }),
            metadata: BTreeMap::from([("k".to_owned(), "v\0".to_owned())]),
            ..Default::default()
        };
        let expected = [
            "amount",
            "customer_id",
            "payment_method_type",
            "customer_name",
            "customer_phone",
            "description",
            "return_url",
            "failure_url",
            "billing_address.country",
            "metadata[\"k\"]",
            "reference_id",
        ];
        assert_eq!(create_accepting(message, true).unwrap_err(), expected);
    }

    #[test]
    fn a_list_is_filtered_by_known_states_and_ranges_that_are_not_empty() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let of = |states, (from, before)| {
            let message = pb::ListPaymentIntentsRequest {
                states,
                created_from: time(from),
                created_before: time(before),
                updated_from: time(from),
                updated_before: time(before),
                ..Default::default()
            };
            paths(|fields| list(fields, message))
        };
        assert_eq!(of(Vec::new(), (1, 2)).unwrap().0.states, []);
        let all = PaymentIntentState::ALL.map(number);
        assert_eq!(of(all.to_vec(), (1, 2)).unwrap().0.states, PaymentIntentState::ALL);
        assert_eq!(of(vec![99], (2, 2)).unwrap_err(), ["states[0]", "created_from", "updated_from"]);
    }

    #[test]
    fn an_intent_is_shown_with_its_decimals_its_payment_and_what_to_do() {
        let error = PaymentError { code: "stolen_card".to_owned(), message: "No.".to_owned() };
        let input = create_accepting(request(), true).unwrap();
        let intent = PaymentIntent {
            id: PaymentIntentId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            upstream_id: None,
            upstream_payment_id: None,
            state: PaymentIntentState::RequiresPaymentMethod,
            amount: Money::new(100, Currency::parse("JPY").unwrap()),
            received: 70,
            refunded: 30,
            refund_pending: 20,
            charged_back: 5,
            customer_id: None,
            reference_id: None,
            details: input.details,
            progress: Progress { last_error: Some(error), ..Progress::default() },
            upstream_version: Timestamp::default(),
            upstream_state: UpstreamState::default(),
            created_at: Timestamp::from_seconds(1),
            updated_at: Timestamp::from_seconds(2),
            sandbox: true,
            revision: 4,
        };
        let shown = pb::PaymentIntent::from(intent.clone());
        assert_eq!((shown.amount.as_str(), shown.currency.as_str()), ("100", "JPY"));
        assert_eq!((shown.amount_received.as_str(), shown.amount_refunded.as_str()), ("70", "30"));
        let left = [&shown.amount_refundable, &shown.amount_refund_pending, &shown.amount_charged_back];
        assert_eq!(left, ["15", "20", "5"]);
        assert_eq!((shown.sandbox, shown.revision), (true, 4));
        assert_eq!(shown.payment_id, intent.id.payment_id());
        assert_eq!(shown.state(), pb::PaymentIntentState::RequiresPaymentMethod);
        let error = shown.last_payment_error.unwrap();
        assert_eq!((error.code.as_str(), error.advice()), ("stolen_card", pb::PaymentErrorAdvice::DoNotRetry));
        assert_eq!(error.message, "No.");
        assert_eq!(error.payer_message, "The payment was declined. Please use another payment method.");
    }
}
