//! Calls as they are recorded: the request's bytes, and the answer by the names of its fields.

use corefy_gateway::pb;
use prost::Message;
use prost_reflect::{DynamicMessage, MapKey, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tonic::{Response, Status};

use crate::support::{
    client::{Client, keyed, reason},
    contract::descriptors,
};

/// Fields whose texts may change from version to version.
const WORDING: [&str; 1] = ["sentence"];

/// A call, and the answer that it had.
#[derive(Serialize, Deserialize)]
pub struct Recorded {
    /// The method's name, as the client has it.
    pub method: String,
    /// The idempotency key.
    pub key: Option<String>,
    /// The request's bytes, in hexadecimal digits.
    request: String,
    /// The answer, or `{"refused": reason}`.
    pub answer: Json,
}

impl Recorded {
    /// The request's bytes.
    pub fn request(&self) -> Vec<u8> {
        base16ct::lower::decode_vec(&self.request).unwrap()
    }
}

/// Makes the call, and records it with its answer.
pub async fn record(client: &Client, method: &str, key: Option<&str>, request: Vec<u8>) -> Recorded {
    let answer = make(client, method, key, &request).await;
    Recorded {
        method: method.to_owned(),
        key: key.map(str::to_owned),
        request: base16ct::lower::encode_string(&request),
        answer,
    }
}

macro_rules! by_name {
    ($($method:ident: $request:ident -> $response:literal;)*) => {
        /// Makes the call of this name. Returns the answer by the names of its fields.
        pub async fn make(client: &Client, method: &str, key: Option<&str>, request: &[u8]) -> Json {
            match method {
                $(stringify!($method) => {
                    let request = pb::$request::decode(request).unwrap();
                    answer($response, match key {
                        Some(key) => client.$method(keyed(key, request)).await,
                        None => client.$method(request).await,
                    })
                })*
                other => panic!("no call of the name {other}"),
            }
        }
    };
}

by_name! {
    create_payment_intent: CreatePaymentIntentRequest -> "CreatePaymentIntentResponse";
    confirm_payment_intent: ConfirmPaymentIntentRequest -> "ConfirmPaymentIntentResponse";
    cancel_payment_intent: CancelPaymentIntentRequest -> "CancelPaymentIntentResponse";
    get_payment_intent: GetPaymentIntentRequest -> "GetPaymentIntentResponse";
    list_payment_intents: ListPaymentIntentsRequest -> "ListPaymentIntentsResponse";
    create_refund: CreateRefundRequest -> "CreateRefundResponse";
    list_refunds: ListRefundsRequest -> "ListRefundsResponse";
    list_chargebacks: ListChargebacksRequest -> "ListChargebacksResponse";
    create_customer: CreateCustomerRequest -> "CreateCustomerResponse";
    get_customer: GetCustomerRequest -> "GetCustomerResponse";
    list_customers: ListCustomersRequest -> "ListCustomersResponse";
    create_payment_method: CreatePaymentMethodRequest -> "CreatePaymentMethodResponse";
    get_payment_method: GetPaymentMethodRequest -> "GetPaymentMethodResponse";
    list_payment_methods: ListPaymentMethodsRequest -> "ListPaymentMethodsResponse";
    list_events: ListEventsRequest -> "ListEventsResponse";
    list_api_calls: ListApiCallsRequest -> "ListApiCallsResponse";
    get_timeline: GetTimelineRequest -> "GetTimelineResponse";
}

fn answer<M: Message>(name: &str, result: Result<Response<M>, Status>) -> Json {
    match result {
        Ok(response) => {
            let is_replayed = response.metadata().contains_key("idempotent-replayed");
            let descriptor = descriptors().get_message_by_name(&format!("corefy.gateway.v1.{name}")).unwrap();
            let message = DynamicMessage::decode(descriptor, &response.into_inner().encode_to_vec()[..]).unwrap();
            json!({"is_replayed": is_replayed, "message": fields(&message)})
        }
        Err(status) => json!({"refused": reason(&status)}),
    }
}

/// The fields that are set, by name.
fn fields(message: &DynamicMessage) -> Json {
    let fields = message.fields().filter(|(field, _)| !WORDING.contains(&field.name()));
    Json::Object(fields.map(|(field, value)| (field.name().to_owned(), plain(value, &field.kind()))).collect())
}

fn plain(value: &Value, kind: &prost_reflect::Kind) -> Json {
    match value {
        Value::Message(message) => fields(message),
        Value::List(items) => items.iter().map(|item| plain(item, kind)).collect(),
        Value::Map(entries) => {
            let entry =
                |(key, value): (&MapKey, &Value)| (key.as_str().unwrap_or_default().to_owned(), plain(value, kind));
            Json::Object(entries.iter().map(entry).collect::<Map<_, _>>())
        }
        Value::String(text) => json!(text),
        Value::Bool(is) => json!(is),
        Value::I32(number) => json!(number),
        Value::I64(number) => json!(number),
        // By its word: that is what stays.
        Value::EnumNumber(number) => {
            let word = kind.as_enum().and_then(|words| words.get_value(*number));
            json!(word.map_or_else(|| number.to_string(), |word| word.name().to_owned()))
        }
        other => panic!("a kind of value that this test does not know: {other:?}"),
    }
}

/// Asserts that `now` has everything that was answered `then`; what was added since does not matter.
pub fn assert_has_all_of(then: &Json, now: &Json, place: &str) {
    match (then, now) {
        (Json::Object(then), Json::Object(now)) => {
            for (name, value) in then {
                let place = format!("{place}.{name}");
                assert_has_all_of(
                    value,
                    now.get(name).unwrap_or_else(|| panic!("{place} is no longer answered")),
                    &place,
                );
            }
        }
        (Json::Array(then), Json::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{place}");
            for (index, (then, now)) in then.iter().zip(now).enumerate() {
                assert_has_all_of(then, now, &format!("{place}[{index}]"));
            }
        }
        (then, now) => assert_eq!(then, now, "{place}"),
    }
}
