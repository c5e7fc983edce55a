//! The values that bodies are made of: amounts, moments and secrets.

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::{domain::clock::Timestamp, upstream::intents::lenient::Lenient};

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
        let read = Self::lenient(Value::deserialize(deserializer)?);
        read.ok_or_else(|| D::Error::custom("an amount is a decimal number, or one in a string"))
    }
}

impl Lenient for Amount {
    /// More digits than a [`Decimal`] holds are rounded at its last one, far below any minor unit.
    fn lenient(value: Value) -> Option<Self> {
        let text = String::lenient(value)?;
        let text = text.trim();
        let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        exact.or_else(|_| text.parse()).ok().map(Self)
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
        let read = Self::lenient(Value::deserialize(deserializer)?);
        read.ok_or_else(|| D::Error::custom("a time is RFC 3339 or unix seconds"))
    }
}

impl Lenient for Moment {
    fn lenient(value: Value) -> Option<Self> {
        let text = String::lenient(value)?;
        let seconds = || text.parse().ok().map(Timestamp::from_seconds);
        Timestamp::parse_rfc3339(&text).or_else(seconds).map(Self)
    }
}

/// A secret on its way to Corefy: the only type that writes one out.
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
