//! The codes that attempts and refunds fail with: texts of the program, never of a caller.

use serde::{Deserialize, Deserializer, de};

use super::commerce::expiries::resolutions;
use crate::domain::decline::known_codes;

/// A code that an attempt or a refund fails with.
pub type FailureCode = &'static str;

/// The code of a refund that was not carried out.
pub(super) const REFUND_DECLINED: FailureCode = "refund_declined";
/// The code of a refund that the payer's bank returned.
pub(super) const RETURNED_BY_BANK: FailureCode = "returned_by_bank";

/// Reads a code that was written.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FailureCode, D::Error> {
    find(&String::deserialize(deserializer)?)
}

/// Reads a code that was written, or that there was none.
pub(super) fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FailureCode>, D::Error> {
    Option::<String>::deserialize(deserializer)?.as_deref().map(find).transpose()
}

fn find<E: de::Error>(code: &str) -> Result<FailureCode, E> {
    let mut known = known_codes().chain(resolutions()).chain([REFUND_DECLINED, RETURNED_BY_BANK]);
    known
        .find(|known| *known == code)
        .ok_or_else(|| E::custom(format!("{code:?} is not a code that anything fails with")))
}
