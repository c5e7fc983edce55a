//! An invoice as answers show it. Only what the truth hangs on has to be readable: a side issue in another form must not make a
//! charge unknown.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::form_fields::FormFields;
use crate::domain::private::Private;
use crate::upstream::lenient::{self, Entries, Lenient, objects};
use crate::upstream::values::{Amount, Moment};

/// An answer with one invoice.
#[derive(Debug)]
pub struct InvoiceDocument(pub WireInvoice);

impl<'de> Deserialize<'de> for InvoiceDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut document = Value::deserialize(deserializer)?;
        let invoice = document.get_mut("data").map(Value::take).and_then(WireInvoice::lenient);
        invoice.map(Self).ok_or_else(|| D::Error::custom("there is no invoice"))
    }
}

/// A payment invoice.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct WireInvoice {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub attributes: InvoiceAttributes,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub relationships: Option<InvoiceRelationships>,
}

/// The attributes of an invoice.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct InvoiceAttributes {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub resolution: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub resolution_message: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub currency: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub processed_amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub refunded_amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub charged_back_amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub rrn: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub approval_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub arn: Option<String>,
    /// `None`: missing, or unreadable. The older model of refunds has no list.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub refunds: Option<Entries<InvoiceRefund>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub flow_data: Option<FlowData>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub hpp_url: Option<Private>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub payload: Option<InvoicePayload>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub created: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub updated: Option<Moment>,
}

/// Where the payer goes, and the pass to the Card Gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct FlowData {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub action: Option<Private>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub method: String,
    /// `None`: in a form that cannot be passed on as it is.
    #[serde(default = "FormFields::none", deserialize_with = "lenient::optional")]
    pub params: Option<FormFields>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub metadata: Option<FlowMetadata>,
}

/// The session at the Card Gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct FlowMetadata {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub token: Option<Private>,
}

/// The means that an invoice was paid with.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct InvoicePayload {
    /// The saved card.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub token: Option<Private>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub payment_card: Option<PaidCard>,
}

/// A card, masked.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct PaidCard {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub brand: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub first: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub last: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub expiry_month: u8,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub expiry_year: u16,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub holder: Option<Private>,
}

/// The objects that an invoice belongs together with.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InvoiceRelationships {
    #[serde(rename = "active-payment", default)]
    active_payment: Value,
}

impl InvoiceRelationships {
    /// Whether there is an attempt to pay it.
    pub fn has_active_payment(&self) -> bool {
        self.active_payment.pointer("/data/id").is_some_and(|id| !id.is_null())
    }
}

/// A refund, alone or among the `refunds` of an invoice.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct InvoiceRefund {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub resolution: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub resolution_message: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub amount: Option<Amount>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub currency: String,
}

impl Lenient for InvoiceRefund {
    /// Its members may stand below `attributes` or beside the id.
    fn lenient(value: Value) -> Option<Self> {
        let Value::Object(mut members) = value else { return None };
        if let Some(Value::Object(attributes)) = members.remove("attributes") {
            members.extend(attributes.into_iter().filter(|(name, _)| name != "id"));
        }
        serde_json::from_value(Value::Object(members)).ok()
    }
}

impl Lenient for InvoicePayload {
    /// One without members is none.
    fn lenient(value: Value) -> Option<Self> {
        let has_members = value.as_object().is_some_and(|members| !members.is_empty());
        if has_members { serde_json::from_value(value).ok() } else { None }
    }
}

objects!(WireInvoice, InvoiceAttributes, FlowData, FlowMetadata, PaidCard, InvoiceRelationships);
