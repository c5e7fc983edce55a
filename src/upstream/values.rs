//! The values that bodies are made of: amounts, moments and secrets.

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::lenient::Lenient;
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

/// The greatest number that is read as unix seconds, the greatest as milliseconds and the greatest as microseconds. Seconds
/// reach to the year 5138; the others begin in 1973, long before there was anything to tell of.
const MOST_SECONDS: i64 = 99_999_999_999;
const MOST_MILLISECONDS: i64 = 99_999_999_999_999;
const MOST_MICROSECONDS: i64 = 99_999_999_999_999_999;

/// A moment: written as RFC 3339, read from that or from unix time in seconds, milliseconds or microseconds, which its size
/// tells apart.
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
        read.ok_or_else(|| D::Error::custom("a time is RFC 3339 or unix time"))
    }
}

impl Lenient for Moment {
    fn lenient(value: Value) -> Option<Self> {
        let text = String::lenient(value)?;
        Timestamp::parse_rfc3339(text.trim()).or_else(|| unix_time(&text)).map(Self)
    }
}

/// A number of unix time. One taken for another unit would count as newer than all that follows.
fn unix_time(text: &str) -> Option<Timestamp> {
    let number = Decimal::from_str_exact(text.trim()).or_else(|_| Decimal::from_scientific(text.trim())).ok()?;
    let whole = i64::try_from(number.trunc()).ok()?;
    let units = [(MOST_SECONDS, 1_000_000), (MOST_MILLISECONDS, 1000), (MOST_MICROSECONDS, 1)];
    let (_, unit) = units.into_iter().find(|(most, _)| (0..=*most).contains(&whole))?;
    i64::try_from((number * Decimal::from(unit)).trunc()).ok().map(Timestamp)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_one_moment_in_whatever_unit_it_is_told() {
        let moment = |value: serde_json::Value| Moment::lenient(value).map(|moment| moment.0.0);
        for told in [
            json!("2026-11-23T10:00:00.25Z"),
            json!(1_795_428_000.25),
            json!("1795428000.25"),
            json!(1_795_428_000_250_i64),
            json!("1795428000250"),
            json!(1_795_428_000_250_000_i64),
            json!(" 1795428000250000 "),
            json!("1.79542800025e9"),
        ] {
            assert_eq!(moment(told.clone()), Some(1_795_428_000_250_000), "{told}");
        }
        assert_eq!(moment(json!(1_795_428_000)), Some(1_795_428_000_000_000));
        assert_eq!(moment(json!(0)), Some(0));
        for (limit, unit) in [
            (MOST_SECONDS, 1_000_000),
            (MOST_SECONDS + 1, 1000),
            (MOST_MILLISECONDS, 1000),
            (MOST_MILLISECONDS + 1, 1),
            (MOST_MICROSECONDS, 1),
        ] {
            assert_eq!(moment(json!(limit)), Some(limit * unit), "{limit}");
        }
        for odd in
            [json!(-1), json!(1_795_428_000_250_000_000_i64), json!("soon"), json!("1e30"), json!(null), json!([])]
        {
            assert_eq!(moment(odd.clone()), None, "{odd}");
        }
    }
}
