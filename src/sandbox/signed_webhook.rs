//! A webhook, as it is sent.

use axum::body::Bytes;
use url::Url;

/// A webhook, as it is sent.
#[derive(Clone)]
pub struct SignedWebhook {
    /// The body.
    pub body: Bytes,
    /// Its signature.
    pub signature: String,
    /// Where its object wants it sent; `None` where all go.
    pub url: Option<Url>,
    /// The event that it tells of.
    pub about: WebhookAbout,
}

/// The event that a webhook tells of.
#[derive(Clone, Debug, Default)]
pub struct WebhookAbout {
    /// Its type, as `payment.succeeded`; of an invoice `callback`.
    pub event: String,
    /// The reference of the payment, refund or customer that it is about.
    pub reference: Option<String>,
}
