//! The dialect on the wire: requests, and values as answers write them.

use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request with one object.
#[derive(Deserialize)]
pub(super) struct ObjectRequest<T> {
    pub data: RequestedObject<T>,
}

/// The object of a request.
#[derive(Deserialize)]
pub(super) struct RequestedObject<T> {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub attributes: T,
}

/// The attributes of an invoice that is asked for. Members that are left out are not set.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct InvoiceRequest {
    pub reference_id: Option<String>,
    pub amount: Value,
    pub currency: String,
    pub service: Option<String>,
    pub service_fields: Value,
    pub flow: Option<String>,
    pub test_mode: Option<bool>,
    pub description: Option<String>,
    pub descriptor: Option<String>,
    pub customer: Value,
    pub metadata: Value,
    pub return_url: Option<String>,
    pub return_urls: Option<ReturnLinks>,
    pub callback_url: Option<String>,
    /// Unix seconds.
    pub expires: Option<i64>,
    pub token: Option<SecretString>,
    pub gateway_options: Option<GatewayOptions>,
}

/// Where the payer is sent afterwards.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct ReturnLinks {
    pub success: Option<String>,
    pub pending: Option<String>,
    pub fail: Option<String>,
}

/// Options of the parts that carry a payment out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GatewayOptions {
    pub cardgate: CardgateOptions,
}

/// Options of the card gate.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CardgateOptions {
    pub tokenize: bool,
    pub instant: bool,
    pub retry_limit: Option<u8>,
}

/// The attributes of a sale at the card gate.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SaleRequest {
    pub card_number: SecretString,
    pub card_holder: SecretString,
    pub cvv: SecretString,
    pub exp_month: String,
    pub exp_year: String,
    pub browser_info: Value,
}

/// The attributes of a refund that is asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RefundInput {
    #[serde(rename = "invoiceId")]
    pub invoice_id: Option<String>,
    pub amount: Value,
    pub reference_id: Option<String>,
    pub description: Option<String>,
}

/// A question to the public API: how so much can be paid.
#[derive(Deserialize)]
pub(super) struct PrerequestInput {
    pub currency: String,
    #[serde(default)]
    pub amount: Value,
}

/// The exact decimal that a JSON number stands for; `None` of anything else.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let literal = value.as_number()?.to_string();
    Decimal::from_str_exact(&literal).or_else(|_| Decimal::from_scientific(&literal)).ok()
}

/// A JSON number with no more digits than it needs: `10.5`, `100`.
pub(super) fn number(decimal: Decimal) -> Value {
    let literal = decimal.normalize().to_string();
    Value::Number(literal.parse().expect("a decimal is written as a JSON number"))
}

/// An object as PHP writes it: an empty one is `[]`.
pub(super) fn php_object(members: Map<String, Value>) -> Value {
    if members.is_empty() { Value::Array(Vec::new()) } else { Value::Object(members) }
}
