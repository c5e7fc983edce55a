//! The checks themselves, service by service.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request, Response, Status};
use url::Url;

use super::checks::{Checks, answered, answered_with, describe, refused};
use crate::{
    cli::smoke_test::{
        gateway::new_key,
        payer,
        steps::{APPROVED, INSUFFICIENT_FUNDS, THREE_D_SECURE, card, order},
    },
    domain::{clock::Clock, network::is_this_machine},
    pb::{
        CancelPaymentIntentRequest, CancelPaymentIntentResponse, CardToSave, ConfirmPaymentIntentRequest,
        ConfirmPaymentIntentResponse, CreateCustomerRequest, CreateCustomerResponse, CreatePaymentIntentRequest,
        CreatePaymentIntentResponse, CreatePaymentMethodRequest, CreatePaymentMethodResponse, CreateRefundRequest,
        CreateRefundResponse, DeletePaymentMethodRequest, EraseCustomerRequest, EraseCustomerResponse,
        ErasePayerRequest, ExportKind, ExportPersonalDataRequest, ExportRequest, GetApiCallStatsRequest,
        GetCustomerRequest, GetErasureRequest, GetGatewayInfoRequest, GetPaymentIntentRequest, GetPaymentMethodRequest,
        GetRefundRequest, GetTimelineRequest, GetTimelineResponse, ListApiCallsRequest, ListAttemptsRequest,
        ListAttemptsResponse, ListChargebacksRequest, ListCustomersRequest, ListEventsRequest,
        ListPaymentIntentsRequest, ListPaymentIntentsResponse, ListPaymentMethodsRequest, ListRefundsRequest,
        ListSupportedPaymentMethodsRequest, PaymentIntent, PaymentIntentState as State, Redirect, RefundState,
        StreamEventsRequest, TestConnectionRequest, TestConnectionResponse, UpdateCustomerRequest,
        UpdatePaymentMethodRequest, confirm_payment_intent_request::Source, create_payment_method_request::Details,
        customer_service_client::CustomerServiceClient, event_service_client::EventServiceClient,
        export_personal_data_request::Person, export_service_client::ExportServiceClient,
        gateway_service_client::GatewayServiceClient, next_action::Action,
        payment_intent_service_client::PaymentIntentServiceClient,
        payment_method_service_client::PaymentMethodServiceClient, refund_service_client::RefundServiceClient,
        stream_events_response::Content,
    },
};

/// The outcome of a call.
type CallResult<A> = Result<Response<A>, Status>;

/// How long an event may take that a webhook brings.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take after the event until the timeline has the webhook, and how often it is read meanwhile.
const NOTE_TIMEOUT: Duration = Duration::from_secs(5);
const NOTE_LOOK: Duration = Duration::from_millis(50);
/// An id of an object that is in no gateway.
const NOWHERE: &str = "00000000000070008000000000000000";
/// Why nothing can be given back.
const NOT_PAID: &str = "the test card was not charged, so Corefy is no sandbox";

impl Checks {
    /// Makes every check, whatever came of those before.
    pub(super) async fn check_all(&mut self) {
        self.check_keys().await;
        self.check_gateway().await;
        let paid = self.check_payments().await;
        self.check_errors().await;
        self.check_refunds(paid.as_ref()).await;
        self.check_timeline(paid.as_ref()).await;
        self.check_customers().await;
        self.check_events().await;
        self.check_exports().await;
        self.check_webhook().await;
    }

    /// Authentication: without a key, and with one that does not exist.
    async fn check_keys(&mut self) {
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let call = client.test_connection(Request::new(TestConnectionRequest {}));
        let judge = |answer| refused(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
        self.check("TestConnection", "without a key", call, judge).await;
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let mut request = Request::new(TestConnectionRequest {});
        request.metadata_mut().insert("x-api-key", tonic::metadata::MetadataValue::from_static("pk_nobody:sk_nothing"));
        self.check("TestConnection", "with a key that is none", client.test_connection(request), judge).await;
    }

    async fn check_gateway(&mut self) {
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let call = client.get_gateway_info(self.gateway.reading(GetGatewayInfoRequest {}));
        let info = self.check("GetGatewayInfo", "what works here", call, answered).await;
        self.capabilities = info.and_then(|info| info.gateway_info).map(|info| info.capabilities).unwrap_or_default();
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let call = client.test_connection(self.gateway.reading(TestConnectionRequest {}));
        let judge = |answer: CallResult<TestConnectionResponse>| match answered(answer)? {
            answer if answer.reachable && answer.authenticated => Ok(()),
            answer => Err(answer.message),
        };
        self.check("TestConnection", "Corefy answers and knows the gateway", call, judge).await;
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let call = client.list_api_calls(self.gateway.reading(ListApiCallsRequest::default()));
        self.check("ListApiCalls", "the newest calls to Corefy", call, answered).await;
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let call = client.get_api_call_stats(self.gateway.reading(GetApiCallStatsRequest::default()));
        self.check("GetApiCallStats", "how they went", call, answered).await;
    }

    /// Answers with the payment that was charged, if one was.
    async fn check_payments(&mut self) -> Option<PaymentIntent> {
        let key = new_key();
        let intent = self.create(&key, "a payment intent").await?;
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let again = client.create_payment_intent(self.gateway.changing(order(), &key));
        let is_replayed = |answer| {
            answered_with(answer, |answer: &CreatePaymentIntentResponse, metadata| {
                let is_same = answer.payment_intent.as_ref().is_some_and(|same| same.id == intent.id);
                is_same && metadata.get("idempotent-replayed").is_some_and(|value| value == "true")
            })
        };
        self.check("CreatePaymentIntent", "the same call again is the same intent", again, is_replayed).await;
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let request = GetPaymentIntentRequest { id: intent.id.clone() };
        let call = client.get_payment_intent(self.gateway.reading(request));
        self.check("GetPaymentIntent", "the intent", call, answered).await;
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let call = client.list_payment_intents(self.gateway.reading(ListPaymentIntentsRequest::default()));
        let has_some =
            |answer| answered_with(answer, |answer: &ListPaymentIntentsResponse, _| !answer.payment_intents.is_empty());
        self.check("ListPaymentIntents", "the newest ones", call, has_some).await;
        let declined = self.confirm(&intent.id, INSUFFICIENT_FUNDS, "a card that is declined").await?;
        let paid = match declined.state() {
            State::RequiresPaymentMethod => self.confirm(&intent.id, APPROVED, "a card that is charged").await,
            _ => None,
        };
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let request = ListAttemptsRequest { payment_intent_id: intent.id };
        let call = client.list_attempts(self.gateway.reading(request));
        let has_both = |answer| answered_with(answer, |answer: &ListAttemptsResponse, _| answer.attempts.len() == 2);
        self.check("ListAttempts", "both attempts", call, has_both).await;
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let call = client.list_chargebacks(self.gateway.reading(ListChargebacksRequest::default()));
        self.check("ListChargebacks", "the newest ones", call, answered).await;
        self.cancel().await;
        paid.filter(|paid| paid.state() == State::Succeeded)
    }

    async fn create(&mut self, key: &str, tried: &'static str) -> Option<PaymentIntent> {
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let call = client.create_payment_intent(self.gateway.changing(order(), key));
        let judge = |answer: CallResult<CreatePaymentIntentResponse>| {
            answered(answer)?.payment_intent.ok_or_else(|| "there is no intent in it".to_owned())
        };
        self.check("CreatePaymentIntent", tried, call, judge).await
    }

    async fn confirm(&mut self, id: &str, number: &str, tried: &'static str) -> Option<PaymentIntent> {
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let source = Some(Source::Card(card(number)));
        let request = ConfirmPaymentIntentRequest { payment_intent_id: id.to_owned(), source, ..Default::default() };
        let call = client.confirm_payment_intent(self.gateway.changing(request, &new_key()));
        let judge = |answer: CallResult<ConfirmPaymentIntentResponse>| {
            answered(answer)?.payment_intent.ok_or_else(|| "there is no intent in it".to_owned())
        };
        self.check("ConfirmPaymentIntent", tried, call, judge).await
    }

    async fn cancel(&mut self) {
        let Some(intent) = self.create(&new_key(), "an intent to cancel").await else { return };
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let request = CancelPaymentIntentRequest { payment_intent_id: intent.id, ..Default::default() };
        let call = client.cancel_payment_intent(self.gateway.changing(request, &new_key()));
        let is_canceled = |answer| {
            answered_with(answer, |answer: &CancelPaymentIntentResponse, _| {
                answer.payment_intent.as_ref().is_some_and(|intent| intent.state() == State::Canceled)
            })
        };
        self.check("CancelPaymentIntent", "before it is paid", call, is_canceled).await;
    }

    /// Checks the kinds of errors.
    async fn check_errors(&mut self) {
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let wrong = CreatePaymentIntentRequest { amount: "1.001".to_owned(), ..order() };
        let call = client.create_payment_intent(self.gateway.changing(wrong, &new_key()));
        let judge = |answer| refused(answer, Code::InvalidArgument, "FIELDS_INVALID");
        self.check("CreatePaymentIntent", "an amount with too many decimals is refused", call, judge).await;
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let request = GetPaymentIntentRequest { id: format!("pi_{NOWHERE}") };
        let call = client.get_payment_intent(self.gateway.reading(request));
        let judge = |answer| refused(answer, Code::NotFound, "RESOURCE_NOT_FOUND");
        self.check("GetPaymentIntent", "an intent that does not exist is not found", call, judge).await;
        let key = new_key();
        if self.create(&key, "an intent under a key").await.is_none() {
            return;
        }
        let mut client = PaymentIntentServiceClient::new(self.gateway.channel());
        let other = CreatePaymentIntentRequest { amount: "7.00".to_owned(), ..order() };
        let call = client.create_payment_intent(self.gateway.changing(other, &key));
        let judge = |answer| refused(answer, Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED");
        self.check("CreatePaymentIntent", "another request under that key is refused", call, judge).await;
    }

    async fn check_refunds(&mut self, paid: Option<&PaymentIntent>) {
        let mut client = RefundServiceClient::new(self.gateway.channel());
        let call = client.list_refunds(self.gateway.reading(ListRefundsRequest::default()));
        self.check("ListRefunds", "the newest ones", call, answered).await;
        let Some(paid) = paid else {
            self.skip("CreateRefund", "a part of a payment", NOT_PAID);
            return self.skip("GetRefund", "the refund", NOT_PAID);
        };
        let refund = |amount: &str| CreateRefundRequest {
            payment_id: paid.id.clone(),
            amount: Some(amount.to_owned()),
            ..Default::default()
        };
        let mut client = RefundServiceClient::new(self.gateway.channel());
        let call = client.create_refund(self.gateway.changing(refund("25.00"), &new_key()));
        let judge = |answer: CallResult<CreateRefundResponse>| {
            let refund = answered(answer)?.refund.ok_or_else(|| "there is no refund in it".to_owned())?;
            let is_under_way = matches!(refund.state(), RefundState::Succeeded | RefundState::Pending);
            is_under_way.then_some(refund).ok_or_else(|| "the refund failed".to_owned())
        };
        let made = self.check("CreateRefund", "a part of a payment", call, judge).await;
        let mut client = RefundServiceClient::new(self.gateway.channel());
        let call = client.create_refund(self.gateway.changing(refund("75.01"), &new_key()));
        let judge = |answer| refused(answer, Code::FailedPrecondition, "REFUND_EXCEEDS_PAYMENT");
        self.check("CreateRefund", "more than is left is refused", call, judge).await;
        let Some(made) = made else { return self.skip("GetRefund", "the refund", "it was not made") };
        let mut client = RefundServiceClient::new(self.gateway.channel());
        let call = client.get_refund(self.gateway.reading(GetRefundRequest { id: made.id }));
        self.check("GetRefund", "the refund", call, answered).await;
    }

    async fn check_timeline(&mut self, paid: Option<&PaymentIntent>) {
        let Some(paid) = paid else { return self.skip("GetTimeline", "of the payment", NOT_PAID) };
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let request = GetTimelineRequest { id: paid.id.clone(), ..Default::default() };
        let call = client.get_timeline(self.gateway.reading(request));
        self.check("GetTimeline", "of the payment", call, answered).await;
    }

    async fn check_customers(&mut self) {
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let request = CreateCustomerRequest { email: "payer@example.com".to_owned(), ..Default::default() };
        let call = client.create_customer(self.gateway.changing(request, &new_key()));
        let judge = |answer: CallResult<CreateCustomerResponse>| {
            answered(answer)?.customer.ok_or_else(|| "there is no customer in it".to_owned())
        };
        let customer = self.check("CreateCustomer", "with an email address", call, judge).await;
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let call = client.list_customers(self.gateway.reading(ListCustomersRequest::default()));
        self.check("ListCustomers", "the newest ones", call, answered).await;
        let id = customer.map_or_else(|| format!("cus_{NOWHERE}"), |customer| customer.id);
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let call = client.get_customer(self.gateway.reading(GetCustomerRequest { id: id.clone() }));
        self.check("GetCustomer", "the customer", call, answered).await;
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let request = UpdateCustomerRequest { id: id.clone(), name: "Payer".to_owned(), ..Default::default() };
        let call = client.update_customer(self.gateway.changing(request, &new_key()));
        self.check("UpdateCustomer", "another name", call, answered).await;
        self.check_payment_methods(&id).await;
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let request = ExportPersonalDataRequest { person: Some(Person::CustomerId(id.clone())), ..Default::default() };
        let call = client.export_personal_data(self.gateway.changing(request, &new_key()));
        self.check("ExportPersonalData", "of the customer", call, answered).await;
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let call = client.erase_customer(self.gateway.changing(EraseCustomerRequest { id }, &new_key()));
        let judge = |answer: CallResult<EraseCustomerResponse>| {
            answered(answer)?.erasure.ok_or_else(|| "there is no erasure in it".to_owned())
        };
        let erasure = self.check("EraseCustomer", "the customer", call, judge).await;
        let id = erasure.map_or_else(|| format!("era_{NOWHERE}"), |erasure| erasure.id);
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let call = client.get_erasure(self.gateway.reading(GetErasureRequest { id }));
        self.check("GetErasure", "how far it has come", call, answered).await;
        let mut client = CustomerServiceClient::new(self.gateway.channel());
        let request = ErasePayerRequest { email: format!("{}@example.com", new_key()) };
        let call = client.erase_payer(self.gateway.changing(request, &new_key()));
        self.check("ErasePayer", "an address that nobody has", call, answered).await;
    }

    async fn check_payment_methods(&mut self, customer: &str) {
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let request = ListSupportedPaymentMethodsRequest::default();
        let call = client.list_supported_payment_methods(self.gateway.reading(request));
        self.check("ListSupportedPaymentMethods", "what the account accepts", call, answered).await;
        if !self.capabilities.iter().any(|name| name == "create_payment_method") {
            return self.skip(
                "CreatePaymentMethod",
                "a card to save",
                "the Corefy API in use saves cards by payments alone",
            );
        }
        let full = card(APPROVED);
        let to_save = CardToSave {
            number: full.number,
            expiry_month: full.expiry_month,
            expiry_year: full.expiry_year,
            holder_name: full.holder_name,
        };
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let details = Some(Details::Card(to_save));
        let request = CreatePaymentMethodRequest { customer_id: customer.to_owned(), details };
        let call = client.create_payment_method(self.gateway.changing(request, &new_key()));
        let judge = |answer: CallResult<CreatePaymentMethodResponse>| {
            answered(answer)?.payment_method.ok_or_else(|| "there is no method in it".to_owned())
        };
        let method = self.check("CreatePaymentMethod", "a card to save", call, judge).await;
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let request = ListPaymentMethodsRequest { customer_id: customer.to_owned(), ..Default::default() };
        let call = client.list_payment_methods(self.gateway.reading(request));
        self.check("ListPaymentMethods", "of the customer", call, answered).await;
        let Some(method) = method else {
            return self.skip("GetPaymentMethod", "the saved card", "none was saved");
        };
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let id = method.id;
        let call = client.get_payment_method(self.gateway.reading(GetPaymentMethodRequest { id: id.clone() }));
        self.check("GetPaymentMethod", "the saved card", call, answered).await;
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let request =
            UpdatePaymentMethodRequest { id: id.clone(), holder_name: "Payer".to_owned(), ..Default::default() };
        let call = client.update_payment_method(self.gateway.changing(request, &new_key()));
        self.check("UpdatePaymentMethod", "another name on it", call, answered).await;
        let mut client = PaymentMethodServiceClient::new(self.gateway.channel());
        let call = client.delete_payment_method(self.gateway.changing(DeletePaymentMethodRequest { id }, &new_key()));
        self.check("DeletePaymentMethod", "the saved card", call, answered).await;
    }

    async fn check_events(&mut self) {
        let mut client = EventServiceClient::new(self.gateway.channel());
        let call = client.list_events(self.gateway.reading(ListEventsRequest::default()));
        self.check("ListEvents", "the oldest ones", call, answered).await;
    }

    /// Exports what there was an hour ago: rows that are newer than five minutes are not exported.
    async fn check_exports(&mut self) {
        let mut client = ExportServiceClient::new(self.gateway.channel());
        let from = Clock::system().now().before(Duration::from_secs(60 * 60));
        let created_from = Some(prost_types::Timestamp { seconds: from.seconds(), nanos: 0 });
        let request = ExportRequest { kind: ExportKind::Payments.into(), created_from, ..Default::default() };
        let request = self.gateway.reading(request);
        let call = async move {
            let mut stream = client.export(request).await?.into_inner();
            let first = stream.message().await?.ok_or_else(|| Status::unknown("there are no names of columns"))?;
            Ok(first.rows.starts_with(b"partner_id,id,"))
        };
        let judge = |answer: Result<bool, Status>| match answer.map_err(describe)? {
            true => Ok(()),
            false => Err("no names of columns".to_owned()),
        };
        self.check("Export", "the payments of an hour", call, judge).await;
    }

    /// Makes a payment whose payer acts on the sandbox's page: its outcome reaches the gateway by a webhook alone, and
    /// from there the stream of events.
    async fn check_webhook(&mut self) {
        const TRIED: &str = "the outcome of 3-D Secure comes as an event";
        const BROUGHT: &str = "a webhook of Corefy's brought it";
        let Some(intent) = self.create(&new_key(), "an intent for 3-D Secure").await else { return };
        let Some(waiting) = self.confirm(&intent.id, THREE_D_SECURE, "a card with 3-D Secure").await else { return };
        let redirect = match waiting.next_action.and_then(|next| next.action) {
            Some(Action::Redirect(redirect)) => redirect,
            _ => Redirect::default(),
        };
        if !Url::parse(&redirect.url).is_ok_and(|page| is_this_machine(&page)) {
            let why = "the page is none of a sandbox on this machine";
            self.skip("StreamEvents", TRIED, why);
            return self.skip("GetTimeline", BROUGHT, why);
        }
        let mut client = EventServiceClient::new(self.gateway.channel());
        let id = intent.id.clone();
        let types = vec!["payment_intent.succeeded".to_owned()];
        let request = self.gateway.reading(StreamEventsRequest { types, ..Default::default() });
        let call = async move {
            let mut stream = client.stream_events(request).await?.into_inner();
            payer::approve(&redirect).await.map_err(Status::unknown)?;
            let event = async {
                while let Some(message) = stream.message().await? {
                    if matches!(message.content, Some(Content::Event(event)) if event.object_id == id) {
                        return Ok(());
                    }
                }
                Err(Status::unavailable("the stream ended"))
            };
            timeout(WEBHOOK_TIMEOUT, event).await.unwrap_or_else(|_| Err(Status::unknown("no event came")))
        };
        self.check("StreamEvents", TRIED, call, |answer| answer.map_err(describe)).await;
        let mut client = GatewayServiceClient::new(self.gateway.channel());
        let request = GetTimelineRequest { id: intent.id, page_size: 100, ..Default::default() };
        let gateway = self.gateway.clone();
        let has_webhook =
            |timeline: &GetTimelineResponse| timeline.entries.iter().any(|entry| !entry.webhook_id.is_empty());
        // A webhook is noted as that payment's just after the event that it brought.
        let call = async {
            let until = Instant::now() + NOTE_TIMEOUT;
            loop {
                let answer = client.get_timeline(gateway.reading(request.clone())).await?;
                if has_webhook(answer.get_ref()) || Instant::now() > until {
                    return Ok(answer);
                }
                sleep(NOTE_LOOK).await;
            }
        };
        let right = |answer| answered_with(answer, |timeline, _| has_webhook(timeline));
        self.check("GetTimeline", BROUGHT, call, right).await;
    }
}
