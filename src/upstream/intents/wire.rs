//! The bodies of the `intents` API, as they go over the wire. The client writes requests and reads answers; the sandbox
//! the other way round. Whatever an answer has beside these members is ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use super::super::lenient::{self, Lenient, objects};
use crate::domain::private::Private;

pub use super::super::lenient::Entries;
pub use super::super::values::{Amount, Moment, Secret};

/// The most entries of a list that are read.
pub(super) const LONGEST_LIST: usize = 1000;

/// Body of `POST /v1/payment-intents`.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreateIntentBody {
    pub amount: Amount,
    pub currency: String,
    pub payment_method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
}

/// Body of `POST /v1/payment-intents/{id}/confirm`. Card or saved method.
#[derive(Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ConfirmIntentBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_number: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_expiry_month: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_expiry_year: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_cvv: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_holder_name: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub three_ds_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub three_ds_eci: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub three_ds_cavv: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub three_ds_xid: Option<String>,
}

/// Answer to the creation, confirmation and reading of an intent. Only what the truth hangs on has to be readable: a
/// side issue in another form must not make a charge unknown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireIntent {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub currency: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub next_action: Option<WireNextAction>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub error: Option<WireFailure>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub amount_refunded: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub amount_charged_back: Option<Amount>,
    /// `None`: missing or unreadable. That is not the same as an empty list.
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub refunds: Option<Entries<WireRefund>>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

objects!(WireNextAction, WireRefund, WirePaymentMethod, SavedCard, SupportedMethod);

/// A step the payer has to take.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireNextAction {
    #[serde(rename = "type", default, deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// The page to go to, of a redirect.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The details to show, of the kinds `qr_code`, `voucher` and `bank_transfer`.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "String::is_empty")]
    pub data: String,
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
}

/// Why an attempt or a refund failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireFailure {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub code: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message: String,
}

impl Lenient for WireFailure {
    /// Text that stands alone is the code when it is one word, and the message otherwise.
    fn lenient(value: Value) -> Option<Self> {
        if value.is_object() {
            return serde_json::from_value(value).ok();
        }
        let told = String::lenient(value)?;
        let is_code = !told.contains(char::is_whitespace);
        Some(match is_code {
            true => Self { code: told, message: String::new() },
            false => Self { code: String::new(), message: told },
        })
    }
}

/// Body of `POST /v1/refunds`.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreateRefundBody {
    pub payment_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
}

/// A refund, alone or among the `refunds` of an intent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireRefund {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub currency: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub error: Option<WireFailure>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// Body of `POST /v1/customers`, and with an `id` the answer as the sandbox writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireCustomer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Answer to the creation and reading of a customer, as far as we need it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct CustomerAnswer {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub email: Option<Private>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<Private>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub phone: Option<Private>,
}

/// Body of `POST /v1/payment-methods`. `data` has the card's members (`card_number`, `card_expiry_month`,
/// `card_expiry_year`, `card_holder_name`) or the method's own.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreatePaymentMethodBody {
    pub customer_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: BTreeMap<String, Secret>,
}

/// A saved payment method.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WirePaymentMethod {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::or_default")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub card: Option<SavedCard>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// A saved card, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SavedCard {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub brand: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub first6: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub last4: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub expiry_month: u8,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub expiry_year: u16,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub holder_name: String,
}

/// Answer to the lists: a bare array, or one under `data`.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct List<T> {
    pub data: Entries<T>,
}

impl<'de, T: Lenient> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = match Value::deserialize(deserializer)? {
            Value::Object(mut object) => object.remove("data").unwrap_or_default(),
            other => other,
        };
        let entries = if items.is_array() { Entries::lenient(items) } else { None };
        entries.map(|data| Self { data }).ok_or_else(|| D::Error::custom("there is no list"))
    }
}

/// A kind of payment method that the account accepts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SupportedMethod {
    #[serde(rename = "type", default, deserialize_with = "lenient::or_default")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// None are all of the account's.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub currencies: Entries<String>,
}

/// Body of every answer of status 400 and above.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ErrorBody {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub error_code: String,
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// With `duplicate_reference`: the object that has the reference.
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Body of a webhook.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WireWebhook {
    pub event_type: String,
    #[serde(default)]
    pub event_id: String,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_intent_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}
