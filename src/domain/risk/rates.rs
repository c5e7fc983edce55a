//! Rates: what an amount is about worth in the base currency, so that rules can compare amounts of any currency. Payments
//! never use them.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::domain::money::{Currency, Money};

/// Rates to the base currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The base currency first, whose rate is 1.
    rates: Vec<(Currency, Decimal)>,
}

impl Rates {
    /// From the worth of one unit of each currency in the base currency, which is the first and worth 1. Empty: there is no base
    /// currency. The error says what is wrong.
    pub fn new(rates: Vec<(Currency, Decimal)>) -> Result<Self, String> {
        if rates.first().is_some_and(|(_, rate)| *rate != Decimal::ONE) {
            return Err("must begin with the base currency, as USD=1".to_owned());
        }
        let again = (1..rates.len()).find(|n| rates[..*n].iter().any(|(currency, _)| *currency == rates[*n].0));
        match again {
            Some(n) => Err(format!("must name {} once", rates[n].0.code())),
            None => Ok(Self { rates }),
        }
    }

    /// Reads one rate, as `EUR=1.08`.
    pub fn parse_one(text: &str) -> Option<(Currency, Decimal)> {
        let (code, rate) = text.split_once('=')?;
        let is_plain = rate.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = is_plain.then(|| Decimal::from_str_exact(rate).ok()).flatten()?;
        let currency = Currency::parse_payable(code).ok()?;
        (rate > Decimal::ZERO && rate <= Decimal::from(1_000_000)).then_some((currency, rate))
    }

    /// The base currency.
    pub fn base_currency(&self) -> Option<Currency> {
        self.rates.first().map(|(currency, _)| *currency)
    }

    /// The amount in the base currency, to its nearest minor unit; `None` without a rate.
    pub fn base(&self, amount: Money) -> Option<Money> {
        let base = self.base_currency()?;
        let (_, rate) = self.rates.iter().find(|(currency, _)| *currency == amount.currency)?;
        let major = amount.major().checked_mul(*rate)?;
        let rounded = major.round_dp_with_strategy(base.decimals(), RoundingStrategy::MidpointAwayFromZero);
        Money::from_major(rounded, base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(texts: &[&str]) -> Result<Rates, String> {
        Rates::new(texts.iter().map(|text| Rates::parse_one(text).unwrap()).collect())
    }

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, Currency::parse_existing(code).unwrap())
    }

    #[test]
    fn amounts_are_compared_in_the_base_currency() {
        let rates = rates(&["USD=1", "EUR=1.08", "JPY=0.0067", "KWD=3.25"]).unwrap();
        for (amount, base) in [
            (money(10_000, "USD"), 10_000),
            (money(10_000, "EUR"), 10_800),
            (money(1_000, "JPY"), 670),
            (money(1, "JPY"), 1),
            (money(1_500, "KWD"), 488),
        ] {
            assert_eq!(rates.base(amount), Some(money(base, "USD")), "{amount:?}");
        }
        assert_eq!(rates.base(money(1, "CHF")), None);
        assert_eq!(Rates::default().base(money(1, "USD")), None);
        assert_eq!(rates.base(money(i64::MAX, "EUR")), None);
    }

    #[test]
    fn the_base_currency_comes_first_and_no_currency_twice() {
        assert_eq!(rates(&["EUR=1.08", "USD=1"]), Err("must begin with the base currency, as USD=1".to_owned()));
        assert_eq!(rates(&["USD=1", "EUR=1.08", "EUR=1.09"]), Err("must name EUR once".to_owned()));
        assert_eq!(rates(&[]), Ok(Rates::default()));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["", "EUR", "EUR=", "EUR=0", "EUR=-1", "EUR=1e3", "eur=1", "XXX=1", "EUR=1000001", "EUR= 1", "EUR=1,08"]
        {
            assert_eq!(Rates::parse_one(text), None, "{text}");
        }
    }
}
