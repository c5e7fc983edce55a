//! Answers beside a single invoice: lists, refunds, and what the Card Gate says.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{INVOICES, InvoiceRefund, LONGEST_LIST, WireInvoice};
use crate::domain::private::Private;
use crate::upstream::lenient::{self, Entries, Lenient, objects};

/// The most fields of a form that a payer's browser is told to send.
const MOST_FORM_FIELDS: usize = 100;

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

/// The fields of a form, which are passed on as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormFields(pub BTreeMap<String, Private>);

impl FormFields {
    /// A form without fields, which needs no member.
    pub(super) fn none() -> Option<Self> {
        Some(Self::default())
    }
}

impl Lenient for FormFields {
    /// All of them or none: a bank does not know a form that lacks a field.
    fn lenient(value: Value) -> Option<Self> {
        let members = match value {
            Value::Object(members) if members.len() <= MOST_FORM_FIELDS => members,
            Value::Null => return Self::none(),
            Value::Array(list) if list.is_empty() => return Self::none(),
            _ => return None,
        };
        let field = |(name, value)| match value {
            Value::String(text) => Some((name, Private::new(text))),
            Value::Number(number) => Some((name, Private::new(number.to_string()))),
            Value::Bool(truth) => Some((name, Private::new(truth.to_string()))),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        members.into_iter().map(field).collect::<Option<_>>().map(Self)
    }
}
