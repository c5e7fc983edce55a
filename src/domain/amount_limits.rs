//! The largest amount of one payment, which depends on the currency: a million dollars are 26,000 million dong.

use std::collections::HashMap;

use super::money::{Currency, MAX_DIGITS, Money};

/// The default limits: currencies by the power of ten, in major units, that is theirs. It is the smallest power that is
/// worth a million US dollars at the rates of 2026, so every limit is worth between 1 and about 10 million dollars. A currency
/// whose rate has left that range is mended here, or until then by `GATEWAY_AMOUNT_LIMITS`.
const POWERS: [(u32, &str); 7] = [
    (6, "BHD BMD BSD CHF EUR FKP GBP GIP JOD KWD KYD OMR PAB SHP USD"),
    (
        7,
        "AED AUD AWG AZN BAM BBD BND BOB BRL BYN BZD CAD CNY DKK FJD GEL GTQ HKD ILS LYD MAD MOP MYR NZD PEN PGK PLN QAR RON \
         SAR SBD SGD SVC TMT TND TOP TTD WST XCD XCG",
    ),
    (
        8,
        "AFN ALL BTN BWP CUP CVE CZK DOP EGP ERN GHS GMD HNL INR KGS LSL MDL MKD MRU MUR MVR MXN MZN NAD NIO NOK PHP RUB SCR \
         SEK SLE SRD STN SZL THB TJS TRY TWD UAH UYU ZAR ZMW ZWG",
    ),
    (
        9,
        "AMD AOA BDT CLP CRC DJF DZD ETB GYD HTG HUF ISK JMD JPY KES KMF KPW KZT LKR LRD NPR PKR RSD SOS VUV XAF XOF XPF",
    ),
    (10, "ARS BIF CDF COP GNF IQD KHR KRW MGA MMK MNT MWK NGN PYG RWF SDG SSP TZS UGX VED VES YER"),
    (11, "IDR LAK LBP SYP UZS VND"),
    (12, "IRR"),
];
/// The power of a currency that the table lacks: the limit of the strongest is never too high for another.
const BASE_POWER: u32 = 6;

/// Every currency that payments can be made in.
pub fn currencies() -> impl Iterator<Item = Currency> {
    POWERS.iter().flat_map(|(_, codes)| codes.split(' ')).filter_map(Currency::parse)
}

/// The largest amount of one payment in each currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmountLimits(HashMap<Currency, Money>);

impl AmountLimits {
    /// The defaults, but for these.
    pub fn new(changed: impl IntoIterator<Item = Money>) -> Self {
        Self(changed.into_iter().map(|limit| (limit.currency, limit)).collect())
    }

    /// The largest amount in `currency`.
    pub fn of(&self, currency: Currency) -> Money {
        self.0.get(&currency).copied().unwrap_or_else(|| default_limit(currency))
    }

    /// Whether a payment may be this large. The error says how large it may be.
    pub fn check(&self, amount: Money) -> Result<(), String> {
        let limit = self.of(amount.currency);
        if amount.minor <= limit.minor {
            return Ok(());
        }
        Err(format!("must be at most {} {}", limit.major().normalize(), limit.currency.code()))
    }
}

fn default_limit(currency: Currency) -> Money {
    let is_in = |codes: &str| codes.split(' ').any(|code| code == currency.code());
    let power = POWERS.iter().find(|(_, codes)| is_in(codes)).map_or(BASE_POWER, |(power, _)| *power);
    let whole_units = 10_i64.pow(power).min(10_i64.pow(MAX_DIGITS) - 1);
    Money::new(whole_units * 10_i64.pow(currency.decimals()), currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn check(limits: &AmountLimits, amount: &str, code: &str) -> Result<(), String> {
        limits.check(Money::parse(amount, currency(code)).unwrap())
    }

    /// Every currency that payments can be made in.
    fn payable() -> Vec<Currency> {
        let letters = || 'A'..='Z';
        let codes =
            letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        codes.filter_map(|code| Currency::parse_payable(&code).ok()).collect()
    }

    #[test]
    fn every_currency_has_a_limit_of_its_own_that_can_be_written_and_counted() {
        let payable = payable();
        assert!(payable.len() > 140, "{}", payable.len());
        for currency in payable {
            let places =
                POWERS.iter().filter(|(_, codes)| codes.split(' ').any(|code| code == currency.code())).count();
            assert_eq!(places, 1, "{currency:?} in the table");
            let limit = AmountLimits::default().of(currency);
            let written = limit.major().normalize().to_string();
            assert!(written.len() <= MAX_DIGITS as usize, "{currency:?} {written}");
            assert_eq!(Money::parse(&written, currency), Ok(limit));
        }
        for code in POWERS.iter().flat_map(|(_, codes)| codes.split(' ')) {
            assert!(Currency::parse_payable(code).is_ok(), "{code} in the table");
        }
    }

    #[test]
    fn a_limit_is_worth_about_as_much_in_every_currency() {
        let limits = AmountLimits::default();
        for (amount, more, code, limit) in [
            ("1000000", "1000000.01", "USD", "1000000"),
            ("100000000000", "100000000001", "VND", "100000000000"),
            ("26300000000", "100000000001", "IDR", "100000000000"),
            ("1000000000", "1000000001", "JPY", "1000000000"),
            ("1000000.000", "1000000.001", "KWD", "1000000"),
            ("10000000000", "10000000001", "KRW", "10000000000"),
        ] {
            assert_eq!(check(&limits, amount, code), Ok(()), "{amount} {code}");
            assert_eq!(check(&limits, more, code), Err(format!("must be at most {limit} {code}")));
        }
    }

    #[test]
    fn a_changed_limit_stands_in_place_of_the_default_and_leaves_the_others() {
        let limits = AmountLimits::new([Money::new(50_050, currency("USD"))]);
        assert_eq!(check(&limits, "500.50", "USD"), Ok(()));
        assert_eq!(check(&limits, "500.51", "USD"), Err("must be at most 500.5 USD".to_owned()));
        assert_eq!(check(&limits, "1000000", "EUR"), Ok(()));
    }
}
