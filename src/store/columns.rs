//! Reading rows: typed columns, where a value that does not fit is a corrupt row and not a panic.

use sqlx::{Any, Decode, Row as _, Type, any::AnyRow};

use super::Error;
use crate::domain::{
    clock::Timestamp,
    money::{Currency, Money},
};

/// The column `name`.
pub(super) fn get<'r, T: Decode<'r, Any> + Type<Any>>(row: &'r AnyRow, name: &str) -> Result<T, Error> {
    Ok(row.try_get(name)?)
}

/// The column `name`, read as a word or an id.
pub(super) fn parse<T>(row: &AnyRow, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let text: String = get(row, name)?;
    parse(&text).ok_or_else(|| Error::corrupt(format!("column {name} has no such value: {text}")))
}

/// The column `name`, which may be NULL, read as a word or an id.
pub(super) fn parse_optional<T>(
    row: &AnyRow,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let text: Option<String> = get(row, name)?;
    let Some(text) = text else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| Error::corrupt(format!("column {name} has no such value: {text}")))
}

/// The column `name`, a time.
pub(super) fn time(row: &AnyRow, name: &str) -> Result<Timestamp, Error> {
    get(row, name).map(Timestamp)
}

/// The column `name`, a time or NULL.
pub(super) fn optional_time(row: &AnyRow, name: &str) -> Result<Option<Timestamp>, Error> {
    let micros: Option<i64> = get(row, name)?;
    Ok(micros.map(Timestamp))
}

/// The columns `amount` and `currency`.
pub(super) fn money(row: &AnyRow) -> Result<Money, Error> {
    Ok(Money::new(get(row, "amount")?, parse(row, "currency", Currency::parse_existing)?))
}
