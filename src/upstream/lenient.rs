//! Reads JSON of Corefy's as far as it can be read: each member by itself. A member in another form is left out; it hides
//! neither its neighbours nor the object it stands in.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

use crate::domain::private::Private;

/// Decimal digits of which a binary fraction of 64 bits holds every number.
const FLOAT_DIGITS: usize = 15;

/// A value that may come in more than one form.
pub trait Lenient: Sized {
    /// `None` when the value has no form that can be read.
    fn lenient(value: Value) -> Option<Self>;
}

/// The JSON of a body. A byte order mark before it is skipped, bytes that are not UTF-8 are replaced, and of several
/// members of one name the last counts. A fraction with more digits than a float holds comes as text.
pub fn json(body: &[u8]) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::from_str(String::from_utf8_lossy(body).trim_start_matches('\u{feff}'))?;
    keep_digits(&mut value);
    Ok(value)
}

/// Makes text of the fractions that a float does not hold. `serde_json` hands a number of a [`Value`] on as a float when that
/// prints its digits, and of the several numbers that are one float it may then write another.
fn keep_digits(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_u64() && !number.is_i64() => {
            let text = number.to_string();
            if text.bytes().filter(u8::is_ascii_digit).count() > FLOAT_DIGITS {
                *value = Value::String(text);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(keep_digits),
        Value::Object(members) => members.values_mut().for_each(keep_digits),
        _ => {}
    }
}

/// A body of this shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    json(body).and_then(serde_json::from_value)
}

/// The member, or `None` where it is missing, null, empty or in another form.
pub fn optional<'de, D: Deserializer<'de>, T: Lenient>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(T::lenient(Value::deserialize(deserializer)?))
}

/// The member, or its default where it is missing, null, empty or in another form.
pub fn or_default<'de, D: Deserializer<'de>, T: Lenient + Default>(deserializer: D) -> Result<T, D::Error> {
    optional(deserializer).map(Option::unwrap_or_default)
}

/// Text, or a number instead.
impl Lenient for String {
    fn lenient(value: Value) -> Option<Self> {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }
}

impl Lenient for Private {
    fn lenient(value: Value) -> Option<Self> {
        String::lenient(value).map(Self::new)
    }
}

/// A truth, or its word or digit.
impl Lenient for bool {
    fn lenient(value: Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(truth),
            other => match String::lenient(other)?.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
        }
    }
}

/// A number, or its digits.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Lenient for $number {
            fn lenient(value: Value) -> Option<Self> {
                String::lenient(value)?.trim().parse().ok()
            }
        }
    )*};
}

numbers!(u8, u16);

/// Reads structures from JSON objects alone: what is derived would take a list for the members in their order.
macro_rules! objects {
    ($($object:ty),*) => {$(
        impl $crate::upstream::lenient::Lenient for $object {
            fn lenient(value: serde_json::Value) -> Option<Self> {
                if value.is_object() { serde_json::from_value(value).ok() } else { None }
            }
        }
    )*};
}

pub(in crate::upstream) use objects;

/// Sentences by name; one that stands alone is a list of one.
impl Lenient for BTreeMap<String, Vec<String>> {
    fn lenient(value: Value) -> Option<Self> {
        let Value::Object(members) = value else { return None };
        let read = members.into_iter().map(|(name, value)| (name, Entries::lenient(value).unwrap_or_default().read));
        Some(read.filter(|(_, sentences): &(_, Vec<_>)| !sentences.is_empty()).collect())
    }
}

/// A list whose entries are read one by one. An unreadable entry is left out and counted, because an incomplete list
/// proves no absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T> {
    /// The readable entries, in their order.
    pub read: Vec<T>,
    /// How many cannot.
    pub left_out: usize,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { read: Vec::new(), left_out: 0 }
    }
}

impl<T> FromIterator<T> for Entries<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self { read: entries.into_iter().collect(), left_out: 0 }
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read.serialize(serializer)
    }
}

impl<T: Lenient> Lenient for Entries<T> {
    /// Takes a value that is no list for an entry that stands alone.
    fn lenient(value: Value) -> Option<Self> {
        let values = match value {
            Value::Null => return None,
            Value::Array(values) => values,
            other => vec![other],
        };
        let count = values.len();
        let read: Vec<_> = values.into_iter().filter_map(T::lenient).collect();
        Some(Self { left_out: count - read.len(), read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_read_through_a_byte_order_mark_broken_text_and_repeated_members() {
        let marked = [&b"\xef\xbb\xbf"[..], br#"{"id": "a"}"#].concat();
        assert_eq!(super::json(&marked).unwrap(), json!({"id": "a"}));
        assert_eq!(super::json(b"{\"id\": \"a\", \"name\": \"M\xfcller\"}").unwrap()["id"], "a");
        assert_eq!(super::json(br#"{"id": "a", "id": "b"}"#).unwrap(), json!({"id": "b"}));
        assert!(super::json(b"<html>").is_err());
    }

    #[test]
    fn a_fraction_keeps_all_its_digits() {
        // Two numbers that are one float.
        for digits in ["279503214844881.13", "279503214844881.12", "0.1", "1050e-2", "1e+400", "12345678901234567890"] {
            let told: BTreeMap<String, Value> = read(format!("{{\"amount\": {digits}}}").as_bytes()).unwrap();
            assert_eq!(String::lenient(told["amount"].clone()).as_deref(), Some(digits));
        }
    }

    #[test]
    fn text_and_numbers_stand_for_each_other() {
        for (value, text) in [(json!("a"), Some("a")), (json!(7), Some("7")), (json!(""), None), (json!([]), None)] {
            assert_eq!(String::lenient(value.clone()).as_deref(), text, "{value}");
        }
        assert_eq!(String::lenient(json!(123_456_789_012_345_678_u64)).as_deref(), Some("123456789012345678"));
        for (value, number) in [(json!(3), Some(3)), (json!("03"), Some(3)), (json!(300), None), (json!(null), None)] {
            assert_eq!(u8::lenient(value.clone()), number, "{value}");
        }
    }

    #[test]
    fn an_odd_entry_is_left_out_and_counted() {
        let entries = |value| Entries::<String>::lenient(value).map(|entries| (entries.read, entries.left_out));
        assert_eq!(entries(json!(["a", null, 7, {}])), Some((vec!["a".to_owned(), "7".to_owned()], 2)));
        assert_eq!(entries(json!("a")), Some((vec!["a".to_owned()], 0)));
        assert_eq!(entries(json!({})), Some((vec![], 1)));
        assert_eq!(entries(json!(null)), None);
    }

    #[test]
    fn fields_are_told_with_what_can_be_read_of_them() {
        let fields = |value| BTreeMap::<String, Vec<String>>::lenient(value);
        assert_eq!(fields(json!([])), None);
        let told = fields(json!({"a": ["wrong", null], "b": "odd", "c": [], "d": {}})).unwrap();
        assert_eq!(
            told.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), vec!["wrong".to_owned()]), ("b".to_owned(), vec!["odd".to_owned()]),]
        );
    }
}
