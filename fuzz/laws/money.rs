//! A decimal number of a caller is taken as exactly the money that it says, or refused with a sentence that does not repeat it.

use corefy_gateway::domain::money::{Currency, MAX_DIGITS, Money};

use super::choices::Choices;

/// Currencies of every number of decimals, some of them withdrawn.
const CURRENCIES: [&str; 8] = ["EUR", "USD", "JPY", "KWD", "CLF", "VND", "HRK", "ITL"];
/// The longest amount that is read, in characters.
const LONGEST: usize = 20;

/// Takes a byte for the currency and a text for the amount; then any number of minor units.
pub fn an_amount_is_read_as_it_is_written(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let currency = Currency::parse_existing(choices.one::<&str>(&CURRENCIES)).expect("it is a currency");
    let text = choices.text();
    let expected = minor_units(&text, currency.decimals() as usize);
    match Money::parse(&text, currency) {
        Ok(money) => {
            assert_eq!(Some(i128::from(money.minor)), expected, "{text:?} {currency:?}");
            comes_back(money);
        }
        Err(problem) => {
            assert_eq!(expected, None, "{text:?} {currency:?} was refused: {problem}");
            assert!(problems(currency).contains(&problem), "{problem:?} of {text:?}");
        }
    }
    let most = 10_u64.pow(MAX_DIGITS) - 1;
    comes_back(Money::new(i64::try_from(choices.number() % most).expect("it is below the most") + 1, currency));
}

/// The money that a decimal number says, by moving its point alone; `None` where it is not to be taken.
fn minor_units(text: &str, decimals: usize) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let is_too_fine = text.contains('.') && fraction.len() > decimals;
    if !is_number || is_too_fine || text.len() > LONGEST {
        return None;
    }
    let fraction = if text.contains('.') { fraction } else { "" };
    let minor: i128 = format!("{whole}{fraction:0<decimals$}").parse().ok()?;
    let digits = if minor == 0 { 0 } else { significant_digits(minor, decimals) };
    (digits >= 1 && digits <= MAX_DIGITS as usize).then_some(minor)
}

/// The digits of an amount, without zeros at its beginning and behind its point.
fn significant_digits(minor: i128, decimals: usize) -> usize {
    let digits = minor.to_string();
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    digits.len() - zeros.min(decimals)
}

/// The sentences of refusals, whatever the amount is.
fn problems(currency: Currency) -> [String; 4] {
    [
        "must be a decimal number such as 100.00".to_owned(),
        "must be more than 0".to_owned(),
        format!("must have at most {MAX_DIGITS} digits"),
        format!("must have at most {} decimals in {}", currency.decimals(), currency.code()),
    ]
}

fn comes_back(money: Money) {
    let shown = money.to_string();
    assert_eq!(Money::parse(&shown, money.currency), Ok(money), "{shown} of {money:?}");
    assert_eq!(Money::from_major(money.major(), money.currency), Some(money), "{money:?}");
}
