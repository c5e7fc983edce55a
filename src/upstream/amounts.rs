//! Amounts of money: read where money moved, and left alone where none did.

use rust_decimal::Decimal;

use super::{reading::Mismatch, values::Amount};
use crate::domain::money::{Currency, Money};

/// The part of a minor unit by which an amount may differ from a whole number of them: less is the noise of a sender
/// that calculates in binary fractions, never money.
const NOISE: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// The money that an answer states.
pub fn money(amount: Option<Amount>, code: &str) -> Result<Money, Mismatch> {
    let currency = Currency::parse_existing(&upper(code)).ok_or("the answer has an unknown currency")?;
    let amount = amount.ok_or("the answer has no amount that can be read")?;
    let money = whole(amount.0, currency).ok_or("the answer's amount has too many decimals")?;
    if money.minor < 0 { Err("the answer's amount is negative") } else { Ok(money) }
}

/// The amount of a payment or refund. It is required where money `has_moved`; before that, and where no money will
/// move, an amount that is zero, missing or unreadable says nothing.
pub fn amount_that_counts(has_moved: bool, amount: Option<Amount>, currency: &str) -> Result<Option<Money>, Mismatch> {
    match (money(amount, currency), has_moved) {
        (Ok(amount), _) if amount.minor > 0 => Ok(Some(amount)),
        (Ok(_), true) => Err("the answer's amount is zero though money moved"),
        (Err(mismatch), true) => Err(mismatch),
        (Ok(_) | Err(_), false) => Ok(None),
    }
}

/// The sum of amounts that answers tell, in minor units. One that is too large to count stays at the greatest number, which fits
/// nothing that was asked.
pub fn sum(amounts: impl IntoIterator<Item = i64>) -> i64 {
    amounts.into_iter().fold(0, i64::saturating_add)
}

/// A currency's code, which may come in letters of either case.
pub fn upper(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}

/// An amount in major units as whole minor units, when it differs from them by no more than [`NOISE`].
pub fn whole(major: Decimal, currency: Currency) -> Option<Money> {
    let minor = major.checked_mul(Decimal::from(10_i64.pow(currency.decimals())))?;
    let nearest = minor.round();
    let money = i64::try_from(nearest).ok().map(|minor| Money::new(minor, currency));
    money.filter(|_| (minor - nearest).abs() < NOISE)
}
