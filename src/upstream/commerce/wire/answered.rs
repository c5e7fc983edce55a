//! Answers beside a single invoice: lists, refunds, and what the Card Gate says.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::form_fields::FormFields;
use super::invoice::{InvoiceRefund, WireInvoice};
use super::kinds::{INVOICES, LONGEST_LIST};
use crate::domain::private::Private;
use crate::upstream::lenient::{self, Entries, Lenient, objects};

/// Invoices, found by a filter.
#[derive(Debug)]
pub struct InvoiceList(pub Entries<WireInvoice>);

impl<'de> Deserialize<'de> for InvoiceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut document = Value::deserialize(deserializer)?;
        let list = document.get_mut("data").map(Value::take).filter(Value::is_array).and_then(Entries::lenient);
        let list = list.filter(|list: &Entries<WireInvoice>| list.read.len() <= LONGEST_LIST);
        list.map(Self).ok_or_else(|| D::Error::custom("there is no list"))
    }
}

/// The answer to a refund: by the newer model the refund, by the older one its invoice.
#[derive(Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum RefundAnswer {
    Refund(InvoiceRefund),
    Invoice(WireInvoice),
}

impl<'de> Deserialize<'de> for RefundAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut document = Value::deserialize(deserializer)?;
        let data = document.get_mut("data").map(Value::take).unwrap_or_default();
        let kind = data.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let read = match kind.as_str() {
            "refunds" | "refund" => InvoiceRefund::lenient(data).map(Self::Refund),
            INVOICES | "payment-invoice" => WireInvoice::lenient(data).map(Self::Invoice),
            _ => None,
        };
        read.ok_or_else(|| D::Error::custom("there is neither a refund nor an invoice"))
    }
}

/// The answer of the Card Gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct SaleAnswer {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub auth_payload: Option<SaleStep>,
}

impl Lenient for SaleAnswer {
    /// It is flat; elsewhere it stands below `data.attributes` or `data`.
    fn lenient(value: Value) -> Option<Self> {
        let places = [Some(&value), value.pointer("/data/attributes"), value.pointer("/data")];
        let read = places.into_iter().flatten().filter(|place| place.is_object());
        let mut read = read.filter_map(|place| serde_json::from_value::<Self>(place.clone()).ok());
        read.find(|answer| !answer.status.is_empty())
    }
}

/// The step by which the payer's bank is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct SaleStep {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub action: Option<Private>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub method: String,
    /// `None`: in a form that cannot be passed on as it is.
    #[serde(default = "FormFields::none", deserialize_with = "lenient::optional")]
    pub params: Option<FormFields>,
}

objects!(SaleStep);
