//! The abilities of the account: its services with the fields that each wants, and its currencies.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::upstream::lenient::{self, Entries, Lenient, objects};

/// The services that take an amount in a currency, and the names of their methods, by their codes.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct PrerequestDocument {
    pub services: BTreeMap<String, OfferedService>,
    pub method_names: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for PrerequestDocument {
    /// They stand below `data.attributes`, or straight below `data`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        let places = [document.pointer("/data/attributes"), document.pointer("/data")];
        let place = places.into_iter().flatten().find(|place| place.get("services").is_some());
        let place = place.ok_or_else(|| D::Error::custom("there are no services"))?;
        let members = |name: &str| place.get(name).and_then(Value::as_object).cloned().unwrap_or_default().into_iter();
        let service = |(code, value)| Some((code, OfferedService::lenient(value)?));
        let name = |(code, value): (String, Value)| Some((code, String::lenient(value.get("name")?.clone())?));
        Ok(Self {
            services: members("services").filter_map(service).collect(),
            method_names: members("methods").filter_map(name).collect(),
        })
    }
}

/// A service.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct OfferedService {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub method: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub fields: Entries<WantedField>,
}

/// A field that a service wants.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct WantedField {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub key: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub required: bool,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub regexp: String,
}

objects!(OfferedService, WantedField);

/// The account: the codes of its currencies.
#[derive(Debug)]
pub struct AccountDocument(pub Vec<String>);

impl<'de> Deserialize<'de> for AccountDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        let attributes = document.pointer("/data/attributes").filter(|attributes| attributes.is_object());
        let accounts = attributes.ok_or_else(|| D::Error::custom("there is no account"))?.get("currency_accounts");
        Ok(Self(
            accounts.and_then(Value::as_object).map(|accounts| accounts.keys().cloned().collect()).unwrap_or_default(),
        ))
    }
}
