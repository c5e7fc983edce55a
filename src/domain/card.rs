//! Cards: the full one, which lives only in memory and only while a request is under way, and the masked one.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{card_brand::brand, private::Private};

/// A card as the payer typed it. Not `Clone`, not `Serialize`; `Debug` shows nothing of it; wiped when dropped.
#[derive(Debug)]
pub struct Card {
    /// 12 to 19 digits.
    pub number: SecretString,
    /// 1 to 12.
    pub expiry_month: u8,
    /// Four digits.
    pub expiry_year: u16,
    /// 3 or 4 digits; `None` when the card is to be saved.
    pub cvv: Option<SecretString>,
    /// Name on the card; may be empty.
    pub holder_name: Private,
}

/// The part of a card that may be kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedCard {
    /// Brand in lower case, by the issuer's range or as Corefy has it.
    pub brand: String,
    /// First six digits.
    pub first6: String,
    /// Last four digits.
    pub last4: String,
    /// 1 to 12.
    pub expiry_month: u8,
    /// Four digits.
    pub expiry_year: u16,
    /// Name on the card; may be empty.
    pub holder_name: Private,
}

impl Card {
    /// The part of it that may be kept.
    pub fn masked(&self) -> MaskedCard {
        let number = self.number.expose_secret();
        MaskedCard {
            brand: brand(number).to_owned(),
            first6: number.chars().take(6).collect(),
            last4: number.chars().skip(number.len().saturating_sub(4)).collect(),
            expiry_month: self.expiry_month,
            expiry_year: self.expiry_year,
            holder_name: self.holder_name.clone(),
        }
    }
}

impl MaskedCard {
    /// Takes over what has changed between how it was `known` and how it is `shown`. Another number is another card.
    pub fn take_over(&mut self, known: &Self, shown: &Self) {
        if (&known.brand, &known.first6, &known.last4) != (&shown.brand, &shown.first6, &shown.last4) {
            self.clone_from(shown);
            return;
        }
        if (known.expiry_month, known.expiry_year) != (shown.expiry_month, shown.expiry_year) {
            (self.expiry_month, self.expiry_year) = (shown.expiry_month, shown.expiry_year);
        }
        if known.holder_name != shown.holder_name {
            self.holder_name.clone_from(&shown.holder_name);
        }
    }
}

/// Whether the digits satisfy the Luhn check (ISO/IEC 7812-1, annex B).
pub fn satisfies_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|byte| u32::from(byte.wrapping_sub(b'0')))
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_follow_the_number() {
        let known = [
            ("4111111111111111", "visa"),
            ("5555555555554444", "mastercard"),
            ("2223003122003222", "mastercard"),
            ("378282246310005", "amex"),
            ("6011111111111117", "discover"),
            ("3056930009020004", "diners"),
            ("3566002020360505", "jcb"),
            ("6200000000000005", "unionpay"),
            ("9999999999999995", "unknown"),
        ];
        for (number, expected) in known {
            assert_eq!(brand(number), expected, "{number}");
            assert!(satisfies_luhn(number), "{number}");
        }
        assert!(!satisfies_luhn("4111111111111112"));
    }

    #[test]
    fn a_card_does_not_print() {
        let card = Card {
            number: "4111111111111111".into(),
            expiry_month: 12,
            expiry_year: 2030,
            cvv: Some("987".into()),
            holder_name: Private::new("Jane Doe"),
        };
        let printed = format!("{card:?} {:?}", card.masked());
        for secret in ["4111111111111111", "987", "Jane"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
