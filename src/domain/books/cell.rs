//! The values of rows, and their types.

use rust_decimal::Decimal;

use crate::domain::{clock::Timestamp, money::Money, words::words};

/// The decimals that a column of amounts has room for: no currency has more.
pub const DECIMALS: u32 = 4;

words! {
    /// The type of a column.
    ColumnType {
        /// Words, ids and references.
        Text => "text",
        /// An amount in major units, exactly, with the decimals of its currency.
        Decimal => "decimal",
        /// A moment: RFC 3339 in UTC.
        Time => "time",
        /// A whole number.
        Integer => "integer",
        /// `true` or `false`.
        Boolean => "boolean",
    }
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// None.
    Nothing,
    /// Of a text column.
    Text(&'a str),
    /// Of a decimal column.
    Decimal(Decimal),
    /// Of a time column.
    Time(Timestamp),
    /// Of an integer column.
    Integer(i64),
    /// Of a boolean column.
    Boolean(bool),
}

impl<'a> Cell<'a> {
    /// A text, if there is one.
    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }

    /// A moment, if there is one.
    pub(super) fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Nothing, Self::Time)
    }

    /// An amount, if there is one.
    pub(super) fn money(money: Option<Money>) -> Self {
        money.map_or(Self::Nothing, |money| Self::Decimal(money.major()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn a_column_of_amounts_has_room_for_every_currency() {
        let most = ["USD", "JPY", "KWD", "CLF", "UYW"].map(|code| Currency::parse_existing(code).unwrap().decimals());
        assert_eq!(most.iter().max(), Some(&DECIMALS));
    }
}
