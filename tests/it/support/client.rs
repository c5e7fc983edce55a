//! A caller: a real channel, a key in the metadata, and a method for each RPC.

use std::net::SocketAddr;

use corefy_gateway::pb::{
    self, create_payment_method_request::Details, customer_service_client::CustomerServiceClient,
    event_service_client::EventServiceClient, export_service_client::ExportServiceClient,
    gateway_service_client::GatewayServiceClient, payment_intent_service_client::PaymentIntentServiceClient,
    payment_method_service_client::PaymentMethodServiceClient, refund_service_client::RefundServiceClient,
    risk_service_client::RiskServiceClient,
};
use tonic::{Request, Response, Status, metadata::AsciiMetadataValue, transport::Channel};

/// A card that is approved.
pub const APPROVED: &str = "4111111111111111";

/// A caller with one key.
#[derive(Clone)]
pub struct Client {
    /// The connection, for what this has no method for.
    pub channel: Channel,
    key: AsciiMetadataValue,
}

macro_rules! calls {
    ($($method:ident: $client:ident($request:ident) -> $response:ident;)*) => {$(
        /// Makes the call and answers with the metadata.
        pub async fn $method(&self, request: impl Into<KeyedCall<pb::$request>>) -> Result<Response<pb::$response>, Status> {
            $client::new(self.channel.clone()).$method(self.signed(request)).await
        }
    )*};
}

/// A request, with an idempotency key or without.
pub struct KeyedCall<T>(T, Option<String>);

impl<T> From<T> for KeyedCall<T> {
    fn from(message: T) -> Self {
        Self(message, None)
    }
}

/// `message` under the idempotency key `key`.
pub fn keyed<T>(key: &str, message: T) -> KeyedCall<T> {
    KeyedCall(message, Some(key.to_owned()))
}

/// An idempotency key that no other call has.
pub fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Client {
    /// Connects to the gateway at `address` with `key`, `pk_…:sk_…`.
    pub async fn connect(address: SocketAddr, key: &str) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self::over(channel, key)
    }

    /// Calls over this connection.
    pub fn over(channel: Channel, key: &str) -> Self {
        Self { channel, key: format!("Bearer {key}").parse().unwrap() }
    }

    /// The request with the caller's keys in its metadata, for what must be added to it.
    pub fn signed<T>(&self, call: impl Into<KeyedCall<T>>) -> Request<T> {
        let call = call.into();
        let mut request = Request::new(call.0);
        request.metadata_mut().insert("authorization", self.key.clone());
        if let Some(key) = call.1 {
            request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
        }
        request
    }

    calls! {
        create_payment_intent: PaymentIntentServiceClient(CreatePaymentIntentRequest) -> CreatePaymentIntentResponse;
        confirm_payment_intent: PaymentIntentServiceClient(ConfirmPaymentIntentRequest) -> ConfirmPaymentIntentResponse;
        get_payment_intent: PaymentIntentServiceClient(GetPaymentIntentRequest) -> GetPaymentIntentResponse;
        list_attempts: PaymentIntentServiceClient(ListAttemptsRequest) -> ListAttemptsResponse;
        list_payment_intents: PaymentIntentServiceClient(ListPaymentIntentsRequest) -> ListPaymentIntentsResponse;
        list_chargebacks: PaymentIntentServiceClient(ListChargebacksRequest) -> ListChargebacksResponse;
        cancel_payment_intent: PaymentIntentServiceClient(CancelPaymentIntentRequest) -> CancelPaymentIntentResponse;
        create_refund: RefundServiceClient(CreateRefundRequest) -> CreateRefundResponse;
        get_refund: RefundServiceClient(GetRefundRequest) -> GetRefundResponse;
        list_refunds: RefundServiceClient(ListRefundsRequest) -> ListRefundsResponse;
        create_customer: CustomerServiceClient(CreateCustomerRequest) -> CreateCustomerResponse;
        update_customer: CustomerServiceClient(UpdateCustomerRequest) -> UpdateCustomerResponse;
        get_customer: CustomerServiceClient(GetCustomerRequest) -> GetCustomerResponse;
        erase_customer: CustomerServiceClient(EraseCustomerRequest) -> EraseCustomerResponse;
        erase_payer: CustomerServiceClient(ErasePayerRequest) -> ErasePayerResponse;
        export_personal_data: CustomerServiceClient(ExportPersonalDataRequest) -> ExportPersonalDataResponse;
        get_erasure: CustomerServiceClient(GetErasureRequest) -> GetErasureResponse;
        list_customers: CustomerServiceClient(ListCustomersRequest) -> ListCustomersResponse;
        create_payment_method: PaymentMethodServiceClient(CreatePaymentMethodRequest) -> CreatePaymentMethodResponse;
        update_payment_method: PaymentMethodServiceClient(UpdatePaymentMethodRequest) -> UpdatePaymentMethodResponse;
        delete_payment_method: PaymentMethodServiceClient(DeletePaymentMethodRequest) -> DeletePaymentMethodResponse;
        get_payment_method: PaymentMethodServiceClient(GetPaymentMethodRequest) -> GetPaymentMethodResponse;
        list_payment_methods: PaymentMethodServiceClient(ListPaymentMethodsRequest) -> ListPaymentMethodsResponse;
        list_supported_payment_methods: PaymentMethodServiceClient(ListSupportedPaymentMethodsRequest)
            -> ListSupportedPaymentMethodsResponse;
        list_events: EventServiceClient(ListEventsRequest) -> ListEventsResponse;
        get_gateway_info: GatewayServiceClient(GetGatewayInfoRequest) -> GetGatewayInfoResponse;
        test_connection: GatewayServiceClient(TestConnectionRequest) -> TestConnectionResponse;
        list_api_calls: GatewayServiceClient(ListApiCallsRequest) -> ListApiCallsResponse;
        get_api_call_stats: GatewayServiceClient(GetApiCallStatsRequest) -> GetApiCallStatsResponse;
        get_timeline: GatewayServiceClient(GetTimelineRequest) -> GetTimelineResponse;
        check_rules: RiskServiceClient(CheckRulesRequest) -> CheckRulesResponse;
        apply_rules: RiskServiceClient(ApplyRulesRequest) -> ApplyRulesResponse;
        revert_rules: RiskServiceClient(RevertRulesRequest) -> RevertRulesResponse;
        get_rules: RiskServiceClient(GetRulesRequest) -> GetRulesResponse;
        list_rules_versions: RiskServiceClient(ListRulesVersionsRequest) -> ListRulesVersionsResponse;
        backtest_rules: RiskServiceClient(BacktestRulesRequest) -> BacktestRulesResponse;
        list_decisions: RiskServiceClient(ListDecisionsRequest) -> ListDecisionsResponse;
        explain_decision: RiskServiceClient(ExplainDecisionRequest) -> ExplainDecisionResponse;
        create_list: RiskServiceClient(CreateListRequest) -> CreateListResponse;
        list_lists: RiskServiceClient(ListListsRequest) -> ListListsResponse;
        add_list_entries: RiskServiceClient(AddListEntriesRequest) -> AddListEntriesResponse;
        remove_list_entry: RiskServiceClient(RemoveListEntryRequest) -> RemoveListEntryResponse;
        list_list_entries: RiskServiceClient(ListListEntriesRequest) -> ListListEntriesResponse;
        list_reviews: RiskServiceClient(ListReviewsRequest) -> ListReviewsResponse;
        approve_review: RiskServiceClient(ApproveReviewRequest) -> ApproveReviewResponse;
        reject_review: RiskServiceClient(RejectReviewRequest) -> RejectReviewResponse;
    }

    /// Exports books.
    pub async fn export(&self, request: pb::ExportRequest) -> Result<tonic::Streaming<pb::ExportResponse>, Status> {
        let answer = ExportServiceClient::new(self.channel.clone()).export(self.signed(request)).await?;
        Ok(answer.into_inner())
    }

    /// Creates an intent over `amount` USD.
    pub async fn intent(&self, amount: &str) -> pb::PaymentIntent {
        let response = self.create_payment_intent(new_intent(amount)).await.unwrap();
        response.into_inner().payment_intent.unwrap()
    }

    /// Confirms the intent with the card `number`.
    pub async fn confirm(&self, id: &str, number: &str) -> Result<pb::PaymentIntent, Status> {
        let response = self.confirm_payment_intent(confirmation(id, number)).await?;
        Ok(response.into_inner().payment_intent.unwrap())
    }

    /// An intent over `amount` USD that is paid.
    pub async fn paid_intent(&self, amount: &str) -> pb::PaymentIntent {
        let intent = self.intent(amount).await;
        self.confirm(&intent.id, APPROVED).await.unwrap()
    }

    /// Reads the intent.
    pub async fn get(&self, id: &str) -> pb::PaymentIntent {
        let request = pb::GetPaymentIntentRequest { id: id.to_owned() };
        self.get_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap()
    }

    /// The attempts to pay this intent.
    pub async fn attempts(&self, id: &str) -> Vec<pb::Attempt> {
        let request = pb::ListAttemptsRequest { payment_intent_id: id.to_owned() };
        self.list_attempts(request).await.unwrap().into_inner().attempts
    }

    /// The chargebacks of this payment, newest first.
    pub async fn chargebacks(&self, payment: &str) -> Vec<pb::Chargeback> {
        let request =
            pb::ListChargebacksRequest { payment_intent_id: payment.to_owned(), page_size: 100, ..Default::default() };
        self.list_chargebacks(request).await.unwrap().into_inner().chargebacks
    }

    /// Refunds `amount`, or the whole rest when that is empty, under a key of its own.
    pub async fn refund(&self, payment: &str, amount: &str) -> Result<pb::Refund, Status> {
        Ok(self.create_refund(keyed(&new_key(), new_refund(payment, amount))).await?.into_inner().refund.unwrap())
    }

    /// The types of the events about `object`, oldest first.
    pub async fn event_types(&self, object: &str) -> Vec<String> {
        let request = pb::ListEventsRequest { object_id: object.to_owned(), page_size: 100, ..Default::default() };
        let events = self.list_events(request).await.unwrap().into_inner().events;
        events.into_iter().map(|event| event.r#type).collect()
    }
}

/// A request for an intent over `amount` USD.
pub fn new_intent(amount: &str) -> pb::CreatePaymentIntentRequest {
    pb::CreatePaymentIntentRequest {
        amount: amount.to_owned(),
        currency: "USD".to_owned(),
        customer_email: "payer@example.com".to_owned(),
        ..Default::default()
    }
}

/// A request to confirm the intent `id` with the card `number`.
pub fn confirmation(id: &str, number: &str) -> pb::ConfirmPaymentIntentRequest {
    pb::ConfirmPaymentIntentRequest {
        payment_intent_id: id.to_owned(),
        source: Some(pb::confirm_payment_intent_request::Source::Card(card(number))),
        ..Default::default()
    }
}

/// A card with this number.
pub fn card(number: &str) -> pb::Card {
    pb::Card {
        number: number.to_owned(),
        expiry_month: 12,
        expiry_year: 2040,
        cvv: "123".to_owned(),
        holder_name: "Jane Doe".to_owned(),
    }
}

/// A request for a customer.
pub fn new_customer() -> pb::CreateCustomerRequest {
    pb::CreateCustomerRequest {
        email: "payer@example.com".to_owned(),
        name: "Jane Doe".to_owned(),
        ..Default::default()
    }
}

/// A request to save a card of the customer `id`.
pub fn new_payment_method(id: &str) -> pb::CreatePaymentMethodRequest {
    let pb::Card { number, expiry_month, expiry_year, holder_name, .. } = card(APPROVED);
    pb::CreatePaymentMethodRequest {
        customer_id: id.to_owned(),
        details: Some(Details::Card(pb::CardToSave { number, expiry_month, expiry_year, holder_name })),
    }
}

/// A request to refund `amount`, or the whole rest when that is empty.
pub fn new_refund(payment: &str, amount: &str) -> pb::CreateRefundRequest {
    let amount = (!amount.is_empty()).then(|| amount.to_owned());
    pb::CreateRefundRequest { payment_id: payment.to_owned(), amount, ..Default::default() }
}

/// The reason of a refusal, as its ErrorInfo gives it.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The page that the payer of the intent is sent to.
pub fn redirect(intent: &pb::PaymentIntent) -> &pb::Redirect {
    match intent.next_action.as_ref().and_then(|next| next.action.as_ref()) {
        Some(pb::next_action::Action::Redirect(redirect)) => redirect,
        other => panic!("no redirect: {other:?}"),
    }
}
