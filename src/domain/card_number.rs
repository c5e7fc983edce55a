//! Card numbers in texts of callers that are logged.

use std::ops::RangeInclusive;

use super::card::satisfies_luhn;

/// Digits in a card number that is in use today.
const DIGITS: RangeInclusive<usize> = 13..=19;
/// First digits of the networks' numbers. Times and most counters begin with 1.
const FIRST: RangeInclusive<u8> = b'2'..=b'6';

/// Whether digits of `text`, in a row or parted by dashes, may be a card number.
pub fn may_be_in(text: &str) -> bool {
    let runs = text.split(|letter: char| !letter.is_ascii_digit() && letter != '-');
    runs.map(|run| run.replace('-', ""))
        .chain(text.split(|letter: char| !letter.is_ascii_digit()).map(str::to_owned))
        .any(|digits| {
            DIGITS.contains(&digits.len())
                && digits.bytes().next().is_some_and(|first| FIRST.contains(&first))
                && satisfies_luhn(&digits)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_seen_however_it_is_written() {
        for text in ["4111111111111111", "4111-1111-1111-1111", "order-4111111111111111", "a.378282246310005.b"] {
            assert!(may_be_in(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "order-7",
            "4111111111111112",
            "1732612345678904",
            "01994111-1111-7111-8111-111111111111",
            "41111111111",
        ] {
            assert!(!may_be_in(text), "{text}");
        }
    }
}
