//! Money: whole minor units of one ISO 4217 currency. Decimals live only at the edges; nothing is ever rounded.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use super::currency::Currency;

/// Digits of an amount at most, before and after its point together, without zeros that follow the decimals: the limit of
/// the contract. With up to 4 decimals more, minor units still fit into an `i64` with room for sums.
pub const MAX_DIGITS: u32 = 12;
/// Characters of an amount at most: all digits, a point, and zeros after the decimals.
const MAX_AMOUNT: usize = 20;

/// An amount of one currency, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents for USD, yen for JPY.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount as a caller writes it: `100.00`. The error says what is wrong with it. How large a new payment may
    /// be is another question, for [`AmountLimits`](super::amount_limits::AmountLimits).
    pub fn parse(text: &str, currency: Currency) -> Result<Self, String> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || text.len() > MAX_AMOUNT {
            return Err("must be a decimal number such as 100.00".to_owned());
        }
        let decimals = currency.decimals();
        if text.contains('.') && fraction.len() > decimals as usize {
            return Err(format!("must have at most {decimals} decimals in {}", currency.code()));
        }
        let money = Decimal::from_str_exact(text).ok().and_then(|major| Self::from_major(major, currency));
        match money {
            Some(money) if money.minor <= 0 => Err("must be more than 0".to_owned()),
            Some(money) if money.major().normalize().mantissa() < 10_i128.pow(MAX_DIGITS) => Ok(money),
            _ => Err(format!("must have at most {MAX_DIGITS} digits")),
        }
    }

    /// From major units; `None` when that is no whole number of minor units or too large to count.
    pub fn from_major(major: Decimal, currency: Currency) -> Option<Self> {
        let scale = Decimal::from(10_i64.pow(currency.decimals()));
        let minor = major.checked_mul(scale)?;
        if !minor.fract().is_zero() {
            return None;
        }
        i64::try_from(minor).ok().map(|minor| Self { minor, currency })
    }

    /// The amount in major units, with the currency's decimals.
    pub fn major(self) -> Decimal {
        Decimal::new(self.minor, self.currency.decimals())
    }
}

impl fmt::Display for Money {
    /// Major units with the currency's own decimals, without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse_existing(code).unwrap()
    }

    #[test]
    fn amounts_have_their_currency_s_decimals() {
        for (text, code, shown) in
            [("100.00", "USD", "100.00"), ("100", "USD", "100.00"), ("100", "JPY", "100"), ("1.234", "KWD", "1.234")]
        {
            assert_eq!(Money::parse(text, currency(code)).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused_with_the_reason() {
        for text in ["", "abc", "-1", "+1", "1e3", "1.", ".5", "1,5", " 1", "1.2.3", "١"] {
            assert_eq!(
                Money::parse(text, currency("USD")),
                Err("must be a decimal number such as 100.00".to_owned()),
                "{text}"
            );
        }
        assert_eq!(Money::parse("1.001", currency("USD")), Err("must have at most 2 decimals in USD".to_owned()));
        assert_eq!(Money::parse("1.0", currency("JPY")), Err("must have at most 0 decimals in JPY".to_owned()));
        assert_eq!(Money::parse("0.00", currency("USD")), Err("must be more than 0".to_owned()));
    }

    #[test]
    fn an_amount_has_at_most_12_digits_zeros_after_the_decimals_apart() {
        let too_many = Err("must have at most 12 digits".to_owned());
        for (text, code) in [
            ("999999999999", "VND"),
            ("999999999999.00", "IDR"),
            ("9999999999.99", "IDR"),
            ("999999999999", "CLF"),
            ("99999999.9999", "CLF"),
        ] {
            assert!(Money::parse(text, currency(code)).is_ok(), "{text} {code}");
        }
        for (text, code) in [
            ("1000000000000", "VND"),
            ("10000000000.01", "IDR"),
            ("99999999999999999999", "CLF"),
            ("100000000.9999", "CLF"),
        ] {
            assert_eq!(Money::parse(text, currency(code)), too_many, "{text} {code}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back_changes_nothing(minor in 1_i64..1_000_000_000_000, code in prop::sample::select(vec!["USD", "JPY", "KWD", "EUR", "CLF", "HRK"])) {
            let money = Money::new(minor, currency(code));
            prop_assert_eq!(Money::parse(&money.to_string(), currency(code)).ok(), Some(money));
            prop_assert_eq!(Money::from_major(money.major(), currency(code)), Some(money));
        }
    }
}
