//! The bodies of requests.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::private::Private;
use crate::upstream::values::{Amount, Secret};

/// The body of a request about one object of JSON:API.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RequestBody<T> {
    pub data: ObjectBody<T>,
}

/// The object of a request.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ObjectBody<T> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub attributes: T,
}

impl<T> RequestBody<T> {
    /// A body about a new object of this type.
    pub fn new(kind: &'static str, attributes: T) -> Self {
        Self { data: ObjectBody { kind, id: None, attributes } }
    }
}

/// The attributes of a new invoice.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct CreateInvoiceBody {
    pub reference_id: String,
    pub amount: Amount,
    pub currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_fields: BTreeMap<String, Private>,
    pub test_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<InvoiceCustomer>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_urls: Option<ReturnUrls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// A saved card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_options: Option<GatewayFlags>,
}

/// The payer.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct InvoiceCustomer {
    pub reference_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surname: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Private>,
    /// Digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<InvoiceAddress>,
}

impl InvoiceCustomer {
    /// A payer of whom nothing is told but this reference.
    pub fn known_by(reference_id: String) -> Self {
        Self { reference_id, name: None, first_name: None, surname: None, email: None, phone: None, address: None }
    }
}

/// Where the payer lives.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct InvoiceAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_code: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_address: Option<Private>,
}

/// Where the payer goes afterwards.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ReturnUrls {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<String>,
}

/// Options of the parts of Corefy that carry a payment out.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct GatewayFlags {
    pub cardgate: CardGateFlags,
}

/// Options for cards; each is left out unless it is set.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct CardGateFlags {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tokenize: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub instant: bool,
}

/// The attributes of a sale at the Card Gate.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SaleBody {
    pub card_number: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_holder: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvv: Option<Secret>,
    /// Two digits.
    pub exp_month: Secret,
    /// Two digits.
    pub exp_year: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_info: Option<BrowserBody>,
}

/// The payer's browser: text, even where it is numbers.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct BrowserBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_accept_header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_color_depth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_ip: Option<Private>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_java_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_screen_height: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_screen_width: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_tz: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_height: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_width: Option<String>,
}

/// The attributes of a refund. The id of the invoice stands here for the newer model of refunds, and beside the attributes for
/// the older one.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RefundInvoiceBody {
    #[serde(rename = "invoiceId")]
    pub invoice_id: String,
    pub amount: Amount,
    pub reference_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The question to the public API for the services of the account.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PrerequestBody<'a> {
    pub public_key: &'a str,
    pub currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}
