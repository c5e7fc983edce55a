//! The client's calls as functions from JSON to JSON.

use std::{error::Error, future::Future, sync::LazyLock, time::Duration};

use corefy_gateway::{
    client::{Gateway, GatewayError, PagedList},
    pb::{self, ExportRequest, FILE_DESCRIPTOR_SET, StreamEventsRequest},
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::{Value, json};
use tonic::{Code, Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::values::at;

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
pub async fn unary(gateway: &Gateway, method: &str, step: &Value) -> Outcome<(Value, MetadataMap)> {
    let call = Call {
        timeout: step["timeout_seconds"].as_u64(),
        ..Call::of(method, &step["request"], step["idempotency_key"].as_str())?
    };
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
    /// The caller's deadline, in seconds.
    timeout: Option<u64>,
}

impl<'a> Call<'a> {
    fn of(method: &'a str, request: &'a Value, key: Option<&'a str>) -> Outcome<Self> {
        let (service, name) = method.split_once('/').ok_or("not a method")?;
        Ok(Self { service, name, request, key, timeout: None })
    }

    async fn through<Q, A, F>(&self, call: impl FnOnce(Request<Q>) -> F) -> Outcome<(Value, MetadataMap)>
    where
        Q: Message + Default,
        A: Message,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(self.message()?);
        if let Some(key) = self.key {
            request.metadata_mut().insert("idempotency-key", key.parse()?);
        }
        if let Some(seconds) = self.timeout {
            request.set_timeout(Duration::from_secs(seconds));
        }
        let (headers, answer, _) = call(request).await.map_err(GatewayError::from)?.into_parts();
        Ok((as_json(self.method()?.output(), &answer)?, headers))
    }

    fn method(&self) -> Outcome<MethodDescriptor> {
        let service = PROTOS.get_service_by_name(self.service).ok_or("no such service")?;
        Ok(service.methods().find(|method| method.name() == self.name).ok_or("no such method")?)
    }

    /// The request as a message.
    fn message<Q: Message + Default>(&self) -> Outcome<Q> {
        Ok(DynamicMessage::deserialize(self.method()?.input(), self.request)?.transcode_to()?)
    }
}

/// Reads lists of a table: the method's name, the list and its request.
macro_rules! lists {
    ($gateway:ident, $call:ident, $step:ident; $($name:ident: $list:ident($request:ident),)*) => {
        match $call.name {
            $(stringify!($name) => {
                let entries = $gateway.all().$list($call.message::<pb::$request>()?);
                entries_kept(entries, entry_of($call.method()?)?, $step).await
            })*
            name => Err(format!("{name} is not in the table").into()),
        }
    };
}

/// Reads the list of a step to its end, or until enough is kept of its entries; then it is dropped.
pub async fn listed(gateway: &Gateway, step: &Value) -> Outcome<(Value, MetadataMap)> {
    let call = Call::of(step["list"].as_str().unwrap_or_default(), &step["request"], None)?;
    let messages = lists!(gateway, call, step;
        ListPaymentIntents: payment_intents(ListPaymentIntentsRequest),
        ListChargebacks: chargebacks(ListChargebacksRequest),
        ListRefunds: refunds(ListRefundsRequest),
        ListCustomers: customers(ListCustomersRequest),
        ListPaymentMethods: payment_methods(ListPaymentMethodsRequest),
        ListEvents: events(ListEventsRequest),
        ListApiCalls: api_calls(ListApiCallsRequest),
        GetTimeline: timeline_entries(GetTimelineRequest),
        ListRulesVersions: rules_versions(ListRulesVersionsRequest),
        ListListEntries: list_entries(ListListEntriesRequest),
        ListDecisions: decisions(ListDecisionsRequest),
        ListReviews: reviews(ListReviewsRequest),
    );
    Ok((json!({ "messages": messages? }), MetadataMap::new()))
}

/// The message of which a page of the method has a list.
fn entry_of(method: MethodDescriptor) -> Outcome<MessageDescriptor> {
    let page = method.output();
    let entries = page.fields().find(|field| field.is_list()).ok_or("its answers are no pages")?;
    Ok(entries.kind().as_message().ok_or("its entries are no messages")?.clone())
}

async fn entries_kept<T: Message + Unpin>(
    mut list: PagedList<T>,
    entry: MessageDescriptor,
    step: &Value,
) -> Outcome<Vec<Value>> {
    let (member, most) = (step["each"].as_str().unwrap_or_default(), step["take"].as_u64().unwrap_or(u64::MAX));
    let mut messages = Vec::new();
    while (messages.len() as u64) < most {
        let Some(message) = list.next().await.transpose()? else { break };
        let found = at(&as_json(entry.clone(), &message)?, member);
        messages.extend((!found.is_null()).then_some(found));
    }
    Ok(messages)
}

/// Reads the stream of a step to its end, or until enough is kept of its messages; then it is dropped.
pub async fn streamed(gateway: &Gateway, step: &Value) -> Outcome<(Value, MetadataMap)> {
    let call = Call::of(step["stream"].as_str().unwrap_or_default(), &step["request"], None)?;
    let output = call.method()?.output();
    let messages = match call.name {
        "StreamEvents" => {
            kept(gateway.events().stream_events(call.message::<StreamEventsRequest>()?), output, step).await
        }
        "Export" => kept(gateway.exports().export(call.message::<ExportRequest>()?), output, step).await,
        name => return Err(format!("{name} is no stream").into()),
    };
    Ok((json!({ "messages": messages? }), MetadataMap::new()))
}

async fn kept<A: Message>(
    opening: impl Future<Output = Result<Response<Streaming<A>>, Status>>,
    output: MessageDescriptor,
    step: &Value,
) -> Outcome<Vec<Value>> {
    let (member, most) = (step["each"].as_str().unwrap_or_default(), step["take"].as_u64().unwrap_or(u64::MAX));
    let mut stream = opening.await.map_err(GatewayError::from)?.into_inner();
    let mut messages = Vec::new();
    while (messages.len() as u64) < most {
        let Some(message) = stream.message().await.map_err(GatewayError::from)? else { break };
        let found = at(&as_json(output.clone(), &message)?, member);
        messages.extend((!found.is_null()).then_some(found));
    }
    Ok(messages)
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
