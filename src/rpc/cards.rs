//! Cards as callers send them: read, judged, and wiped from the request.

use secrecy::SecretString;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    domain::{
        card::{Card, MaskedCard, satisfies_luhn},
        card_brand,
        clock::Timestamp,
        plain_text::is_invisible,
        private::Private,
    },
    pb,
};

use super::{fields::Fields, formats};

/// The longest name on a card, in characters.
const MAX_HOLDER_NAME: usize = 100;
/// How far the last time zone to end a month is behind UTC: a card is good through the end of its month everywhere.
const LAST_TIME_ZONE: Duration = Duration::hours(12);

/// Reads a card without CVV, at the time `now`.
pub(super) fn card(fields: &mut Fields, card: pb::CardToSave, now: Timestamp) -> Card {
    let (expiry_month, expiry_year) = expiry(fields, card.expiry_month, card.expiry_year, now);
    Card {
        number: number(fields, &Zeroizing::new(card.number)),
        expiry_month,
        expiry_year,
        cvv: None,
        holder_name: Private::new(holder_name(fields, card.holder_name)),
    }
}

/// Reads the name on a card.
pub(super) fn holder_name(fields: &mut Fields, value: String) -> String {
    fields.optional("holder_name", value, formats::words(MAX_HOLDER_NAME))
}

/// Reads what is given of a new expiry date, the rest of which stays.
pub(super) fn new_expiry(
    fields: &mut Fields,
    month: Option<i32>,
    year: Option<i32>,
    now: Timestamp,
) -> (Option<u8>, Option<u16>) {
    /// A month and a year that are never in the past.
    const ANY: (i32, i32) = (12, 9999);
    let read = expiry(fields, month.unwrap_or(ANY.0), year.unwrap_or(ANY.1), now);
    (month.map(|_| read.0), year.map(|_| read.1))
}

/// Reads a CVV.
pub(super) fn cvv(fields: &mut Fields, cvv: &str) -> SecretString {
    if !formats::are_digits(cvv, 3, 4) {
        fields.refuse("cvv", "must be 3 or 4 digits");
    }
    SecretString::from(cvv)
}

fn number(fields: &mut Fields, typed: &str) -> SecretString {
    // As long as what was typed from the start: a string that grows leaves copies of itself behind.
    let mut digits = Zeroizing::new(String::with_capacity(typed.len()));
    digits.extend(typed.chars().filter(|c| !is_separator(*c)));
    if !formats::are_digits(&digits, 12, 19) {
        fields.refuse("number", "must be 12 to 19 digits");
    } else if let Err(description) = card_brand::check_length(&digits) {
        fields.refuse("number", description);
    } else if !satisfies_luhn(&digits) {
        fields.refuse("number", "must satisfy the Luhn check");
    }
    SecretString::from(digits.as_str())
}

/// Whether a character stands between the digits of a number as people type it, or comes along when they paste it: spaces and
/// line breaks of any kind, dashes, dots, and what does not show.
fn is_separator(character: char) -> bool {
    let is_dash =
        matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}');
    let is_dot = matches!(character, '.' | '\u{b7}' | '\u{2024}' | '\u{2027}');
    is_dash || is_dot || character.is_whitespace() || is_invisible(character)
}

fn expiry(fields: &mut Fields, month: i32, year: i32, now: Timestamp) -> (u8, u16) {
    let here = OffsetDateTime::from_unix_timestamp(now.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let there = here.saturating_sub(LAST_TIME_ZONE);
    let this_month = i32::from(u8::from(there.month()));
    if year < there.year() || year > 9999 {
        fields.refuse("expiry_year", "must be four digits, this year or later");
    } else if year == there.year() && (1..this_month).contains(&month) {
        fields.refuse("expiry_month", "must not be in the past");
    }
    (fields.number("expiry_month", month, 1..=12), u16::try_from(year).unwrap_or_default())
}

impl From<MaskedCard> for pb::MaskedCard {
    fn from(card: MaskedCard) -> Self {
        Self {
            brand: card.brand,
            first6: card.first6,
            last4: card.last4,
            expiry_month: card.expiry_month.into(),
            expiry_year: card.expiry_year.into(),
            holder_name: card.holder_name.expose().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(number: &str, month: i32, year: i32, now: &str) -> Result<Card, Vec<String>> {
        let mut fields = Fields::default();
        let sent = pb::CardToSave {
            number: number.to_owned(),
            expiry_month: month,
            expiry_year: year,
            holder_name: String::new(),
        };
        let card = card(&mut fields, sent, Timestamp::parse_rfc3339(now).unwrap());
        fields.finish(Some(card)).map_err(|error| {
            error.violations.iter().map(|violation| format!("{} {}", violation.field, violation.description)).collect()
        })
    }

    const NOW: &str = "2026-11-23T10:00:00Z";

    #[test]
    fn what_stands_between_the_digits_of_a_number_is_ignored() {
        for separator in [
            " ", "-", "  ", ".", "\t", "\n", "\r\n", "\u{a0}", "\u{2009}", "\u{202f}", "\u{3000}", "\u{2010}",
            "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2212}", "\u{ff0d}", "\u{b7}", "\u{200b}", "\u{feff}",
            "\u{ad}", "\u{202d}",
        ] {
            let number = format!("{separator}4111{separator}1111{separator}1111{separator}1111{separator}");
            let card = read(&number, 12, 2030, NOW).unwrap();
            assert_eq!(card.number.expose_secret(), "4111111111111111", "{separator:?}");
        }
    }

    #[test]
    fn a_number_has_the_length_of_its_brand() {
        let length = ["number must have as many digits as a card of amex has: 15"];
        assert_eq!(read("3782822463100005", 12, 2030, NOW).unwrap_err(), length);
        assert!(read("378282246310005", 12, 2030, NOW).is_ok());
    }

    #[test]
    fn a_wrong_number_is_refused_without_being_repeated() {
        assert_eq!(read("4111111111111112", 12, 2030, NOW).unwrap_err(), ["number must satisfy the Luhn check"]);
        for number in [
            "",
            "41111111111",
            "41111111111111111111",
            "4111x11111111111",
            "4111/1111/1111/1111",
            "4111,1111,1111,1111",
            "４１１１１１１１１１１１",
            "٤١١١١١١١١١١١",
        ] {
            assert_eq!(read(number, 12, 2030, NOW).unwrap_err(), ["number must be 12 to 19 digits"], "{number}");
        }
    }

    #[test]
    fn a_card_is_good_through_the_end_of_its_month_in_the_last_time_zone() {
        const NUMBER: &str = "4111111111111111";
        assert!(read(NUMBER, 11, 2026, NOW).is_ok());
        assert!(read(NUMBER, 11, 2026, "2026-12-01T11:59:59Z").is_ok());
        assert_eq!(
            read(NUMBER, 11, 2026, "2026-12-01T12:00:00Z").unwrap_err(),
            ["expiry_month must not be in the past"]
        );
        assert!(read(NUMBER, 12, 2026, "2027-01-01T11:59:59Z").is_ok());
        let past = ["expiry_year must be four digits, this year or later"];
        assert_eq!(read(NUMBER, 12, 2026, "2027-01-01T12:00:00Z").unwrap_err(), past);
        assert_eq!(read(NUMBER, 12, 30, NOW).unwrap_err(), past);
        assert_eq!(read(NUMBER, 12, 20300, NOW).unwrap_err(), past);
        assert_eq!(read(NUMBER, 13, 2026, NOW).unwrap_err(), ["expiry_month must be 1 to 12"]);
        assert_eq!(read(NUMBER, 0, 2026, NOW).unwrap_err(), ["expiry_month must be 1 to 12"]);
    }

    #[test]
    fn everything_wrong_with_a_card_is_told_at_once() {
        assert_eq!(read("1", 0, 0, NOW).unwrap_err().len(), 3);
    }

    #[test]
    fn a_cvv_is_three_or_four_digits() {
        for (value, fits) in
            [("123", true), ("1234", true), ("", false), ("12", false), ("12345", false), ("12a", false)]
        {
            let mut fields = Fields::default();
            cvv(&mut fields, value);
            assert_eq!(fields.finish(Some(())).is_ok(), fits, "{value}");
        }
    }
}
