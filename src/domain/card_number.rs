//! Card numbers in texts: of callers, whose words are logged and kept, and of Corefy.

use std::ops::{Range, RangeInclusive};

use super::{card::satisfies_luhn, card_brand};

/// Digits in a card number that is in use today.
const DIGITS: RangeInclusive<usize> = 13..=19;
/// Digits in a card number (ISO/IEC 7812-1).
const ALL_DIGITS: RangeInclusive<usize> = 12..=19;
/// The fewest digits of a number in the callers' own words that counts as a card number. Cards have had more for decades, while
/// product codes and phone numbers have 12 and 13.
const FEWEST_IN_WORDS: usize = 14;
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

/// Whether a text of a caller's own words has the number of a card of a known brand, as it is typed: a word of its own, of
/// digits in groups. Digits that touch a letter or `_` are a word of the caller's.
pub fn is_written_in(text: &str) -> bool {
    let is_of_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    places(text).any(|place| {
        let digits: String = text[place.clone()].chars().filter(char::is_ascii_digit).collect();
        let is_a_word =
            !is_of_word(text[..place.start].chars().next_back()) && !is_of_word(text[place.end..].chars().next());
        is_a_word && digits.len() >= FEWEST_IN_WORDS && card_brand::is_of_known_brand(&digits)
    })
}

/// The ranges of whatever can be a card number: 12 to 19 digits, whole groups parted by spaces or dashes, that satisfy the
/// Luhn check.
pub fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    let groups = digit_groups(text);
    let starts = 0..groups.len();
    starts.flat_map(move |first| places_from(text, &groups[first..]))
}

/// The ranges of the runs of digits.
fn digit_groups(text: &str) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match groups.last_mut() {
            Some(group) if group.end == at => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// The ranges of the card numbers that begin with the first of `groups`.
fn places_from(text: &str, groups: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut numbers = Vec::new();
    let mut digits = String::new();
    let mut end = groups[0].start;
    for group in groups {
        let gap = &text.as_bytes()[end..group.start];
        digits.push_str(&text[group.clone()]);
        if digits.len() > *ALL_DIGITS.end() || !gap.iter().all(|byte| matches!(byte, b' ' | b'-')) {
            break;
        }
        end = group.end;
        if ALL_DIGITS.contains(&digits.len()) && satisfies_luhn(&digits) {
            numbers.push(groups[0].start..end);
        }
    }
    numbers
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

    #[test]
    fn a_card_number_in_words_is_seen_as_it_is_typed() {
        for text in [
            "4111111111111111",
            "paid with 4111 1111 1111 1111.",
            "4111-1111-1111-1111",
            "amex=378282246310005;",
            "№4111111111111111, 12/30",
            "order-5555555555554444",
            "1 x 6011000990139424",
            "36227206271667",
        ] {
            assert!(is_written_in(text), "{text}");
        }
    }

    #[test]
    fn numbers_of_the_caller_s_own_are_left_alone() {
        for text in [
            "",
            "4111111111111112",
            "A4111111111111111",
            "order_4111111111111111",
            "4111111111111111b",
            "4000638133343",
            "+4915112345678",
            "1732612345678904",
            "7992739871300005",
            "94111111111111111111",
            "2026-11-23 10:00:00",
            "01994111-1111-7111-8111-111111111111",
        ] {
            assert!(!is_written_in(text), "{text}");
        }
    }
}
