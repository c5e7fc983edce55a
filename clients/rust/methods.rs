//! The client's calls as functions from JSON to JSON.

use std::{error::Error, future::Future, sync::LazyLock};

use corefy_gateway::{
    client::{Gateway, GatewayError},
    pb::{self, FILE_DESCRIPTOR_SET, StreamEventsRequest, stream_events_response::Content},
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::{Value, json};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};

static PROTOS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the client's protos"));

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Makes the calls of a table: the method's name, the service, its function and its request.
macro_rules! calls {
    ($gateway:ident, $call:ident; $($name:ident: $service:ident.$function:ident($request:ident),)*) => {
        match $call.name {
            $(stringify!($name) => {
                let mut service = $gateway.$service();
                $call.through(|request: Request<pb::$request>| async move { service.$function(request).await }).await
            })*
            name => Err(format!("{name} is not in the table").into()),
        }
    };
}

/// Makes the call `package.Service/Method` through the client: the answer and its headers.
pub async fn unary(
    gateway: &Gateway,
    method: &str,
    request: &Value,
    key: Option<&str>,
) -> Outcome<(Value, MetadataMap)> {
    let (service, name) = method.split_once('/').ok_or("not a method")?;
    let call = Call { service, name, request, key };
    calls!(gateway, call;
        CreatePaymentIntent: payment_intents.create_payment_intent(CreatePaymentIntentRequest),
        ConfirmPaymentIntent: payment_intents.confirm_payment_intent(ConfirmPaymentIntentRequest),
        GetPaymentIntent: payment_intents.get_payment_intent(GetPaymentIntentRequest),
        ListAttempts: payment_intents.list_attempts(ListAttemptsRequest),
        ListPaymentIntents: payment_intents.list_payment_intents(ListPaymentIntentsRequest),
        ListChargebacks: payment_intents.list_chargebacks(ListChargebacksRequest),
        CancelPaymentIntent: payment_intents.cancel_payment_intent(CancelPaymentIntentRequest),
        CreateRefund: refunds.create_refund(CreateRefundRequest),
        GetRefund: refunds.get_refund(GetRefundRequest),
        ListRefunds: refunds.list_refunds(ListRefundsRequest),
        CreateCustomer: customers.create_customer(CreateCustomerRequest),
        UpdateCustomer: customers.update_customer(UpdateCustomerRequest),
        EraseCustomer: customers.erase_customer(EraseCustomerRequest),
        ErasePayer: customers.erase_payer(ErasePayerRequest),
        ExportPersonalData: customers.export_personal_data(ExportPersonalDataRequest),
        GetErasure: customers.get_erasure(GetErasureRequest),
        GetCustomer: customers.get_customer(GetCustomerRequest),
        ListCustomers: customers.list_customers(ListCustomersRequest),
        CreatePaymentMethod: payment_methods.create_payment_method(CreatePaymentMethodRequest),
        UpdatePaymentMethod: payment_methods.update_payment_method(UpdatePaymentMethodRequest),
        DeletePaymentMethod: payment_methods.delete_payment_method(DeletePaymentMethodRequest),
        GetPaymentMethod: payment_methods.get_payment_method(GetPaymentMethodRequest),
        ListPaymentMethods: payment_methods.list_payment_methods(ListPaymentMethodsRequest),
        ListSupportedPaymentMethods: payment_methods.list_supported_payment_methods(ListSupportedPaymentMethodsRequest),
        ListEvents: events.list_events(ListEventsRequest),
        GetGatewayInfo: gateway.get_gateway_info(GetGatewayInfoRequest),
        TestConnection: gateway.test_connection(TestConnectionRequest),
        ListApiCalls: gateway.list_api_calls(ListApiCallsRequest),
        GetApiCallStats: gateway.get_api_call_stats(GetApiCallStatsRequest),
        GetTimeline: gateway.get_timeline(GetTimelineRequest),
        CheckRules: risk.check_rules(CheckRulesRequest),
        ApplyRules: risk.apply_rules(ApplyRulesRequest),
        RevertRules: risk.revert_rules(RevertRulesRequest),
        GetRules: risk.get_rules(GetRulesRequest),
        ListRulesVersions: risk.list_rules_versions(ListRulesVersionsRequest),
        BacktestRules: risk.backtest_rules(BacktestRulesRequest),
        CreateList: risk.create_list(CreateListRequest),
        ListLists: risk.list_lists(ListListsRequest),
        AddListEntries: risk.add_list_entries(AddListEntriesRequest),
        RemoveListEntry: risk.remove_list_entry(RemoveListEntryRequest),
        ListListEntries: risk.list_list_entries(ListListEntriesRequest),
        ListDecisions: risk.list_decisions(ListDecisionsRequest),
        ExplainDecision: risk.explain_decision(ExplainDecisionRequest),
        ListReviews: risk.list_reviews(ListReviewsRequest),
        ApproveReview: risk.approve_review(ApproveReviewRequest),
        RejectReview: risk.reject_review(RejectReviewRequest),
    )
}

struct Call<'a> {
    service: &'a str,
    name: &'a str,
    request: &'a Value,
    key: Option<&'a str>,
}

impl Call<'_> {
    async fn through<Q, A, F>(&self, call: impl FnOnce(Request<Q>) -> F) -> Outcome<(Value, MetadataMap)>
    where
        Q: Message + Default,
        A: Message,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let service = PROTOS.get_service_by_name(self.service).ok_or("no such service")?;
        let method = service.methods().find(|method| method.name() == self.name).ok_or("no such method")?;
        let message = DynamicMessage::deserialize(method.input(), self.request)?;
        let mut request = Request::new(message.transcode_to()?);
        if let Some(key) = self.key {
            request.metadata_mut().insert("idempotency-key", key.parse()?);
        }
        let (headers, answer, _) = call(request).await.map_err(GatewayError::from)?.into_parts();
        Ok((as_json(method.output(), &answer)?, headers))
    }
}

/// Takes the given number of events from a stream, which is then dropped.
pub async fn take(gateway: &Gateway, request: &Value, count: usize) -> Outcome<(Value, MetadataMap)> {
    let message = |name| PROTOS.get_message_by_name(name).ok_or("no such message");
    let request = DynamicMessage::deserialize(message("corefy.gateway.v1.StreamEventsRequest")?, request)?;
    let request: StreamEventsRequest = request.transcode_to()?;
    let mut stream = gateway.events().stream_events(request).await.map_err(GatewayError::from)?.into_inner();
    let mut events = Vec::new();
    while events.len() < count {
        let read = stream.message().await.map_err(GatewayError::from)?.ok_or("the stream ended")?;
        if let Some(Content::Event(event)) = read.content {
            events.push(as_json(message("corefy.gateway.v1.Event")?, &event)?);
        }
    }
    Ok((json!({ "events": events }), MetadataMap::new()))
}

fn as_json(descriptor: MessageDescriptor, message: &impl Message) -> Outcome<Value> {
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message)?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// The code's name as the protocol has it: `INVALID_ARGUMENT`.
pub fn name_of(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
