//! The bodies of the `intents` API, as they go over the wire. The client writes requests and reads answers; the sandbox
//! the other way round. Whatever an answer has beside these members is ignored.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::domain::clock::Timestamp;

/// An amount in major units: written as a JSON number, read from a number or a string, never through a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::arbitrary_precision::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            _ => return Err(D::Error::custom("an amount is a number or a string")),
        };
        let parsed = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
        parsed.map(Self).map_err(|_| D::Error::custom("not a decimal number"))
    }
}

/// A moment: written as RFC 3339, read from that or from unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let moment = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_i64().map(Timestamp::from_seconds),
            Value::String(text) => {
                Timestamp::parse_rfc3339(&text).or_else(|| text.parse().ok().map(Timestamp::from_seconds))
            }
            _ => None,
        };
        moment.map(Self).ok_or_else(|| D::Error::custom("a time is RFC 3339 or unix seconds"))
    }
}

/// A secret on its way to Corefy: the one place where it is written out.
#[derive(Debug)]
pub struct Secret(pub SecretString);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SecretString::deserialize(deserializer).map(Self)
    }
}

/// Body of `POST /v1/payment-intents`.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreateIntent {
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
pub struct ConfirmIntent {
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
pub struct Intent {
    pub id: String,
    pub status: String,
    pub amount: Amount,
    pub currency: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub amount_refunded: Option<Amount>,
    /// `None`: not told, or not readable. That is not the same as none.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub refunds: Option<Vec<Refund>>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// The member if it can be read, `None` if it is missing, null or in another form.
fn if_readable<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// A step the payer has to take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NextAction {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub url: String,
}

/// Why an attempt or a refund failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Failure {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// Body of `POST /v1/refunds`.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreateRefund {
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
pub struct Refund {
    pub id: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    pub status: String,
    pub amount: Amount,
    pub currency: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// Body of `POST /v1/customers`, and its answer with an `id`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Customer {
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

/// Body of `POST /v1/payment-methods`. `data` has the card's members (`card_number`, `card_expiry_month`,
/// `card_expiry_year`, `card_holder_name`) or the method's own.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreatePaymentMethod {
    pub customer_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: BTreeMap<String, Secret>,
}

/// A saved payment method.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PaymentMethod {
    pub id: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub card: Option<SavedCard>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// A saved card, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SavedCard {
    #[serde(default)]
    pub brand: String,
    #[serde(default)]
    pub first6: String,
    #[serde(default)]
    pub last4: String,
    #[serde(default)]
    pub expiry_month: u8,
    #[serde(default)]
    pub expiry_year: u16,
    #[serde(default)]
    pub holder_name: String,
}

/// Answer to the lists: a bare array, or one under `data`.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct List<T> {
    pub data: Vec<T>,
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = match Value::deserialize(deserializer)? {
            Value::Object(mut object) => object.remove("data").unwrap_or_default(),
            other => other,
        };
        serde_json::from_value(items).map(|data| Self { data }).map_err(D::Error::custom)
    }
}

/// A kind of payment method that the account accepts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SupportedMethod {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub currencies: Vec<String>,
}

/// Body of every answer of status 400 and above.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ErrorBody {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub error_code: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// With `duplicate_reference`: the object that has the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Body of a webhook.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Webhook {
    pub event_type: String,
    #[serde(default)]
    pub event_id: String,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Moment>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_intent_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}
