//! Reads what the sandbox wrote itself of types that are read leniently elsewhere: nothing of it may be left out.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

/// Reads a value that has to be written again as it stands.
pub(super) fn as_written<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Serialize + DeserializeOwned,
    D: Deserializer<'de>,
{
    let given = Value::deserialize(deserializer)?;
    let read = T::deserialize(&given).map_err(D::Error::custom)?;
    let written = serde_json::to_value(&read).map_err(D::Error::custom)?;
    if written == given { Ok(read) } else { Err(D::Error::custom("it has another form than the sandbox writes")) }
}

/// Reads a map of such values.
pub(super) fn each_as_written<'de, T, D>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    T: Serialize + DeserializeOwned,
    D: Deserializer<'de>,
{
    /// A value that is read so.
    #[derive(Deserialize)]
    #[serde(transparent, bound = "T: Serialize + DeserializeOwned")]
    struct Strict<T>(#[serde(deserialize_with = "as_written")] T);

    let read = BTreeMap::<String, Strict<T>>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(name, Strict(value))| (name, value)).collect())
}
