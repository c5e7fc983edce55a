//! A webhook, as it is sent.

use axum::body::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use url::Url;

/// A webhook, as it is sent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedWebhook {
    /// The body: JSON.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub body: Bytes,
    /// Its signature.
    pub signature: String,
    /// Where its object wants it sent; `None` where all go.
    pub url: Option<Url>,
    /// The event that it tells of.
    pub about: WebhookAbout,
}

/// The event that a webhook tells of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookAbout {
    /// Its type, as `payment.succeeded`; of an invoice `callback`.
    pub event: String,
    /// The reference of the payment, refund or customer that it is about.
    pub reference: Option<String>,
}

fn write_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(std::str::from_utf8(body).map_err(S::Error::custom)?)
}

fn read_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}
